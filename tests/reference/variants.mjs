// variants.mjs DRIVER DIR: spellings of a tokenizer.json, right and wrong ones. The loader must load what the
// reference loads, and refuse what it refuses. Ends with counts as cmocka prints them.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Driver, Reference } from './oracle.mjs'

const word_level = {type: 'WordLevel', vocab: {a: 0, b: 1, '<unk>': 2}, unk_token: '<unk>'};
const base = () => ({
    version: '1.0', truncation: null, padding: null, added_tokens: [], normalizer: null,
    pre_tokenizer: null, post_processor: null, decoder: null, model: {...word_level},
});
const added = {id: 3, content: 'q', single_word: false, lstrip: false, rstrip: false, normalized: true, special: false};
const bpe = {type: 'BPE', dropout: null, unk_token: null, continuing_subword_prefix: null,
    end_of_word_suffix: null, fuse_unk: false, byte_fallback: false, ignore_merges: false,
    vocab: {a: 0, b: 1, ab: 2}, merges: ['a b']};
const wordpiece = {type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##',
    max_input_chars_per_word: 100, vocab: {'[UNK]': 0, a: 1, '##b': 2}};
const unigram = {type: 'Unigram', unk_id: 0, vocab: [['<unk>', 0], ['a', -1.5], ['b', -2]], byte_fallback: false};
const template = {type: 'TemplateProcessing',
    single: [{SpecialToken: {id: '[C]', type_id: 0}}, {Sequence: {id: 'A', type_id: 0}}],
    pair: [{Sequence: {id: 'A', type_id: 0}}, {Sequence: {id: 'B', type_id: 1}}],
    special_tokens: {'[C]': {id: '[C]', ids: [1], tokens: ['b']}}};
const roberta = {type: 'RobertaProcessing', sep: ['b', 1], cls: ['a', 0], trim_offsets: true, add_prefix_space: true};
const byte_level = {type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true};
const metaspace = {type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true};
const truncation = {direction: 'Right', max_length: 5, strategy: 'LongestFirst', stride: 0};
const padding = {strategy: 'BatchLongest', direction: 'Right', pad_to_multiple_of: null, pad_id: 0, pad_type_id: 0, pad_token: 'a'};

// Where each valid object goes.
const places = {
    added_token: [o => o.added_tokens, (t, o) => { t.added_tokens = [o]; }, [added]],
    model: [0, (t, o) => { t.model = o; }, [word_level, bpe, wordpiece, unigram,
        {...bpe, merges: [['a', 'b']]}]],
    normalizer: [0, (t, o) => { t.normalizer = o; }, [
        {type: 'NFC'}, {type: 'Lowercase'}, {type: 'StripAccents'}, {type: 'Nmt'}, {type: 'ByteLevel'},
        {type: 'Strip', strip_left: true, strip_right: false},
        {type: 'Replace', pattern: {String: 'a'}, content: 'b'},
        {type: 'Replace', pattern: {Regex: 'a+'}, content: 'b'},
        {type: 'Prepend', prepend: '▁'},
        {type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true},
        {type: 'Precompiled', precompiled_charsmap: 'ALQCAACEAAAAAACAAQAAgMz8AgC4BQAA'},
        {type: 'Sequence', normalizers: [{type: 'NFD'}, {type: 'NFKC'}]},
    ]],
    pre_tokenizer: [0, (t, o) => { t.pre_tokenizer = o; }, [
        {type: 'BertPreTokenizer'}, {type: 'Whitespace'}, {type: 'WhitespaceSplit'}, {type: 'UnicodeScripts'},
        byte_level, metaspace,
        {type: 'Metaspace', replacement: '▁', add_prefix_space: true, str_rep: '▁'},
        {type: 'Metaspace', replacement: '▁', add_prefix_space: false, prepend_scheme: 'first'},
        {type: 'CharDelimiterSplit', delimiter: 'x'},
        {type: 'Split', pattern: {Regex: '\\s+'}, behavior: 'Isolated', invert: false},
        {type: 'Punctuation', behavior: 'Contiguous'}, {type: 'Digits', individual_digits: true},
        {type: 'FixedLength', length: 3},
        {type: 'Sequence', pretokenizers: [{type: 'WhitespaceSplit'}, {type: 'Digits', individual_digits: false}]},
    ]],
    post_processor: [0, (t, o) => { t.post_processor = o; }, [
        byte_level, template, roberta, {type: 'BertProcessing', sep: ['b', 1], cls: ['a', 0]},
        {type: 'Sequence', processors: [byte_level, template]},
    ]],
    decoder: [0, (t, o) => { t.decoder = o; }, [
        byte_level, metaspace, {type: 'BPEDecoder', suffix: '</w>'}, {type: 'WordPiece', prefix: '##', cleanup: true},
        {type: 'CTC', pad_token: '<pad>', word_delimiter_token: '|', cleanup: true},
        {type: 'Replace', pattern: {String: '▁'}, content: ' '}, {type: 'Fuse'}, {type: 'ByteFallback'},
        {type: 'Strip', content: ' ', start: 1, stop: 0},
        {type: 'Sequence', decoders: [{type: 'Fuse'}, {type: 'ByteFallback'}]},
    ]],
    truncation: [0, (t, o) => { t.truncation = o; }, [truncation]],
    padding: [0, (t, o) => { t.padding = o; }, [padding, {...padding, strategy: {Fixed: 7}}]],
};

const cases = [];
const add = (name, f) => {
    const t = base();
    f(t);
    cases.push([name, typeof t.text === 'string' ? t.text : JSON.stringify(t)]);
};

// Every object as it is, without each member, with null for it, with values of other kinds, and more.
const others = [null, true, 3, -1, 1.5, 'zz', '', [], {}, ['zz'], [['a', 'b', 'c']], {String: 'x', Regex: 'y'}];
for (const [place, [, put, objects]] of Object.entries(places))
    for (const object of objects) {
        const name = `${place} ${object.type || ''}`;
        add(name, t => put(t, object));
        add(`${name} + unknown member`, t => put(t, {...object, zz: 1}));
        for (const key of Object.keys(object)) {
            const without = {...object};
            delete without[key];
            add(`${name} without ${key}`, t => put(t, without));
            for (const other of others)
                add(`${name} ${key} = ${JSON.stringify(other)}`, t => put(t, {...object, [key]: other}));
        }
        const reversed = Object.fromEntries(Object.entries(object).reverse());
        add(`${name} reversed`, t => put(t, reversed));
        for (const other of others)
            add(`${name} is ${JSON.stringify(other)}`, t => put(t, other));
    }
for (const key of Object.keys(base())) {
    add(`without ${key}`, t => { delete t[key]; });
    for (const other of others)
        add(`${key} = ${JSON.stringify(other)}`, t => { t[key] = other; });
}
for (const type of ['Delimiter', 'bpe', 'NFc', 'Lower', 'Lowercase', 'ByteLevel', 'Replace', 'BPE', 'RandomChunk', 'Append'])
    for (const [place, [, put]] of Object.entries(places))
        if (place !== 'truncation' && place !== 'padding')
            add(`${place} of type ${type}`, t => put(t, {type}));
for (const scheme of ['always', 'first', 'never', 'Always', ''])
    for (const prefix of [true, false, null])
        for (const [place] of [['pre_tokenizer'], ['decoder']])
            add(`${place} Metaspace ${scheme} ${prefix}`,
                t => { t[place] = {...metaspace, prepend_scheme: scheme, add_prefix_space: prefix}; });
for (const behavior of ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous', 'removed', 'merged_with_next'])
    add(`Split ${behavior}`, t => { t.pre_tokenizer = {type: 'Split', pattern: {String: 'x'}, behavior, invert: true}; });
for (const strategy of ['LongestFirst', 'OnlyFirst', 'OnlySecond', 'longest_first', 'only_first', 'DoNotTruncate'])
    add(`truncation ${strategy}`, t => { t.truncation = {...truncation, strategy}; });
for (const direction of ['Left', 'Right', 'left', 'right'])
    add(`directions ${direction}`, t => { t.truncation = {...truncation, direction}; t.padding = {...padding, direction}; });
for (const [max_length, stride] of [[0, 0], [5, 5], [5, 9], [2 ** 32, 0], [2 ** 53, 0]])
    add(`truncation ${max_length} ${stride}`, t => { t.truncation = {...truncation, max_length, stride}; });
for (const n of [0, 1, 2 ** 32, 2 ** 53])
    add(`padding ${n}`, t => { t.padding = {...padding, strategy: {Fixed: n}, pad_to_multiple_of: n}; });
for (const merges of [['#version: 0.2', 'a b'], ['a b '], ['ab'], ['a  b'], [['a', 'b'], 'a b'], ['a b', ['a', 'b']],
    [['a']], [['a', 'b', 'c']], [], ['a c'], [['a', 'c']], [['b', 'a']], ['a b', 'a b'], [[]], ['']])
    add(`merges ${JSON.stringify(merges)}`, t => { t.model = {...bpe, merges}; });
for (const dropout of [0, 0.0, 1.5, -0.1])
    add(`dropout ${dropout}`, t => { t.model = {...bpe, dropout}; });
for (const vocab of [{}, {a: 5}, {a: 0, b: 0, ab: 0}, {a: 1.0}, {a: -1}, {a: 2 ** 32}, [['a', 0]]])
    for (const model of [bpe, wordpiece, word_level])
        add(`${model.type} vocab ${JSON.stringify(vocab)}`,
            t => { t.model = {...model, vocab}; if (model === bpe) t.model.merges = []; });
for (const vocab of [[], [['a', 1]], [['a']], [['a', 1, 2]], [['a', '1']], {a: 1}, [['a', 1e400]], [['', 0]], [['a', 0], ['a', 1]]])
    for (const unk_id of [null, 0, 1, -1, 9])
        add(`Unigram ${JSON.stringify(vocab)} unk ${unk_id}`, t => { t.model = {type: 'Unigram', unk_id, vocab}; });
for (const model of [bpe, wordpiece, word_level, unigram]) {
    const untyped = {...model};
    delete untyped.type;
    for (const key of Object.keys(untyped)) {
        const without = {...untyped};
        delete without[key];
        add(`untyped ${model.type} without ${key}`, t => { t.model = without; });
    }
}
for (const text of ['', '{', 'null', '[]', '{}', '"x"', '{"model":null}', JSON.stringify(base()) + ' ', JSON.stringify(base()) + 'x',
    JSON.stringify(base()).replace('"a":0', '"a":0,"a":1'), JSON.stringify(base()).replace('"1.0"', '"1.1"'),
    JSON.stringify(base()).replace('"a"', '"\\ud800"'), JSON.stringify(base()).replace('"a":0', '"a":00')])
    add(`text ${text.slice(0, 60)}`, t => { t.text = text; });
for (const piece of ['$A', '[C]', {Sequence: {id: 'C', type_id: 0}}, {Sequence: {id: 'A'}}, {SpecialToken: {id: '[X]', type_id: 0}},
    {Sequence: {id: 'a', type_id: 0}}, {Other: {}}])
    add(`template ${JSON.stringify(piece)}`, t => { t.post_processor = {...template, single: [piece]}; });
for (const type of ['BertProcessing', 'RobertaProcessing', 'Template', 'X'])
    add(`roberta's members with type ${type}`, t => { t.post_processor = {...roberta, type}; });

const [program, dir, from] = process.argv.slice(2);
const modules = `${dir}/node_modules`;
const loads = text => {
    try {
        new Reference(modules, text);
        return true;
    } catch {
        return false;
    }
};

if (from !== undefined) {
    for (const [, text] of cases.slice(Number(from)))
        fs.writeSync(1, loads(text) ? '1' : '0');
    process.exit(0);
}

// The reference ends the process on some: then a new one goes on behind that case.
let answers = '';
while (answers.length < cases.length) {
    const {stdout} = spawnSync(process.execPath, [fileURLToPath(import.meta.url), program, dir, String(answers.length)], {encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 28});
    answers += stdout;
    if (answers.length < cases.length) answers += 'x';
}

const driver = new Driver(program);
const count = {passed: 0, failed: 0, ended: 0};
for (const [i, [name, text]] of cases.entries()) {
    const {failed, error} = await driver.open(text);
    if (answers[i] === 'x') count.ended++;
    else if (failed === (answers[i] === '0')) count.passed++;
    // The reference loads this, and ends its process when it encodes.
    else if (failed && error.includes('is not among its special_tokens')) count.ended++;
    else {
        count.failed++;
        console.log(`* ${name}: the reference ${failed ? 'loads it' : 'refuses it'}${failed ? `; we: ${error}` : ''}\n    ${text.slice(0, 300)}`);
    }
}
await driver.stop();
console.log(`${count.ended} of ${cases.length} end the reference's process`);
console.log(`[  PASSED  ] ${count.passed} test(s).`);
console.log(`[  FAILED  ] ${count.failed} test(s).`);
process.exit(count.failed || !count.passed ? 1 : 0);
