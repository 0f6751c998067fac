// SentencePiece models: the loader's spec, run by the reference, beside spm_encode. Texts are the lines of
// a file. Prints the lines that differ, and their number.
//     NODE_PATH=… node formats_spm.cjs SPEC_DUMP TEXT MODEL…
'use strict';
const {execFileSync} = require('child_process');
const fs = require('fs');
const {Tokenizer} = require('tokenizers');
const {load} = require('./formats_spec.cjs');

const [spec_dump, texts, ...models] = process.argv.slice(2);
(async () => {
    const lines = fs.readFileSync(texts, 'utf8').split('\n').slice(0, -1);
    for (const model of models) {
        const out = execFileSync('spm_encode', [`--model=${model}`, '--output_format=id', texts], {maxBuffer: 1 << 28});
        const expected = out.toString().split('\n').map(l => l.split(' ').filter(Boolean).map(Number));
        let tokenizer;
        try {
            tokenizer = Tokenizer.fromString(JSON.stringify(load(spec_dump, `spm=${model}`)));
        } catch (e) {
            console.log(`${model}: ${String(e.message).split('\n').slice(0, 2).join(' ')}`);
            continue;
        }
        let n = 0;
        for (let i = 0; i < lines.length; i++) {
            const ids = (await tokenizer.encode(lines[i], null, {addSpecialTokens: false})).getIds();
            if (JSON.stringify(ids) === JSON.stringify(expected[i])) continue;
            if (n++ < 3) console.log(`${model}: ${JSON.stringify(lines[i])}\n  spm ${expected[i]}\n  we  ${ids}`);
        }
        console.log(`${model}: ${n} of ${lines.length} lines differ`);
    }
})();
