// What spec_dump prints, as the object of a tokenizer.json: so that the reference can encode with what
// the loader made of another format.
'use strict';
const {execFileSync} = require('child_process');

const bytes_of = quoted => {
    const out = [];
    for (let i = 0; i < quoted.length; i++)
        if (quoted[i] === 0x5c && quoted[i + 1] === 0x78) {
            out.push(parseInt(quoted.subarray(i + 2, i + 4).toString(), 16));
            i += 3;
        } else out.push(quoted[i]);
    return Buffer.from(out).toString('utf8');
};

// key="…" and key=value of a line; the text is UTF-8 with \xNN for what a line cannot hold.
const fields = line => {
    const f = {};
    for (const m of line.matchAll(/(\w+)=("([^"]*)"|\S+)/g))
        f[m[1]] = m[3] !== undefined ? bytes_of(Buffer.from(m[3])) : Number(m[2]);
    return f;
};
const pattern = f => ('regex' in f ? {Regex: f.regex} : {String: f.string});
const behaviors = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'];
const schemes = ['always', 'first', 'never'];
const metaspace = line => {
    const f = fields(line);
    return {type: 'Metaspace', replacement: '▁', prepend_scheme: schemes[f.scheme], split: !!f.split};
};

const normalizer = line => {
    const [, kind, ...rest] = line.split(' ');
    const f = Number(kind) === 12 ? {} : fields(line); // its one line of hexadecimal is long
    switch (Number(kind)) {
    case 0: return {type: 'NFC'};
    case 3: return {type: 'NFKD'};
    case 4: return {type: 'Lowercase'};
    case 5: return {type: 'Strip', strip_left: rest[0] === '1', strip_right: rest[1] === '1'};
    case 6: return {type: 'StripAccents'};
    case 7: return {type: 'Replace', pattern: pattern(f), content: f.with};
    case 8: return {type: 'Prepend', prepend: f.prepend};
    case 11: return {type: 'BertNormalizer', clean_text: rest[0] === '1', handle_chinese_chars: rest[1] === '1',
        strip_accents: rest[2] === '1', lowercase: rest[3] === '1'};
    case 12: return {type: 'Precompiled', precompiled_charsmap: Buffer.from(rest[0], 'hex').toString('base64')};
    default: throw new Error(line);
    }
};
const pre_tokenizer = line => {
    const f = fields(line);
    switch (Number(line.split(' ')[1])) {
    case 0: return {type: 'ByteLevel', add_prefix_space: !!f.prefix, trim_offsets: true, use_regex: !!f.regex};
    case 1: return {type: 'BertPreTokenizer'};
    case 2: return metaspace(line);
    case 6: return {type: 'Split', pattern: pattern(f), behavior: behaviors[f.behavior], invert: !!f.invert};
    case 8: return {type: 'Digits', individual_digits: !!f.individual};
    default: throw new Error(line);
    }
};

const from_dump = dump => {
    const normalizers = [], pretokenizers = [], vocab = [], merges = [], added_tokens = [];
    let model;
    for (const line of dump.split('\n')) {
        const kind = line.split(' ', 1)[0];
        if (kind === 'normalizer') normalizers.push(normalizer(line));
        if (kind === 'pretokenizer') pretokenizers.push(pre_tokenizer(line));
        if (kind === 'model') model = {kind: Number(line.split(' ')[1]), ...fields(line)};
        if (kind === 'vocab') {
            const score = line.slice(line.lastIndexOf('"') + 2);
            vocab.push([fields(line).token, Number(line.split(' ')[1]), Number(score)]);
        }
        if (kind === 'merge') {
            const f = fields(line);
            merges.push([f.left, f.right]);
        }
        if (kind === 'added') {
            const f = fields(line);
            added_tokens.push({id: Number(line.split(' ')[1]), content: f.content, single_word: !!f.word, lstrip: !!f.l,
                rstrip: !!f.r, normalized: !!f.normalized, special: !!f.special});
        }
    }
    const words = () => Object.fromEntries(vocab.map(([t, id]) => [t, id]));
    const models = [
        () => ({type: 'BPE', unk_token: model.unk ?? null, fuse_unk: !!model.fuse_unk, byte_fallback: !!model.byte_fallback,
            ignore_merges: !!model.ignore_merges, continuing_subword_prefix: null, end_of_word_suffix: model.suffix || null,
            dropout: null, vocab: words(), merges}),
        () => ({type: 'WordPiece', unk_token: model.unk, continuing_subword_prefix: model.prefix,
            max_input_chars_per_word: model.max, vocab: words()}),
        () => ({type: 'Unigram', unk_id: model.unk_id, byte_fallback: !!model.byte_fallback, vocab: vocab.map(v => [v[0], v[2]])}),
    ];
    return {version: '1.0', truncation: null, padding: null, added_tokens,
        normalizer: normalizers.length ? {type: 'Sequence', normalizers} : null,
        pre_tokenizer: pretokenizers.length ? {type: 'Sequence', pretokenizers} : null,
        post_processor: null, decoder: null, model: models[model.kind]()};
};

// spec_dump is the program, files its arguments.
exports.load = (spec_dump, ...files) =>
    from_dump(execFileSync(spec_dump, files, {maxBuffer: 1 << 30}).toString('utf8'));
