"""Makes the tokenizer.json files: small vocabularies, every kind of part that the engine reads.

Trained on text put together from strings.json by a fixed rule; used by generate.py.
"""

import json

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
# GPT-4o's rule: no hand-written scanner knows it.
O200K = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)


def byte_level(add_prefix_space=False, use_regex=False):
    return pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex)


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(pattern, behavior, invert)


def added(content, **flags):
    token = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=True)
    token.update(flags)
    return {"content": content, **token}


def corpus(fragments, next_number):
    plain = [f for f in fragments if not f.startswith("<")]
    return ["".join(plain[next_number() % len(plain)] for _ in range(200)) for _ in range(300)]


def train(lines, normalizer, pre_tokenizer, alphabet, size, suffix=None, prefix=None, unk=None):
    affixes = {"end_of_word_suffix": suffix, "continuing_subword_prefix": prefix}
    affixes = {key: value for key, value in affixes.items() if value is not None}
    tokenizer = Tokenizer(models.BPE(**affixes, **({"unk_token": unk} if unk else {})))
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        initial_alphabet=alphabet,
        limit_alphabet=max(len(alphabet), 120),
        show_progress=False,
        **affixes,
    )
    tokenizer.train_from_iterator(lines, trainer)
    return json.loads(tokenizer.to_str())


def finish(file, first=(), tokens=(), merges="pairs", decoder=None, **model):
    """Puts `first` before the trained tokens, added `tokens` behind, sets fields of the model."""
    trained = sorted(file["model"]["vocab"], key=file["model"]["vocab"].get)
    vocabulary = list(first) + [t for t in trained if t not in first]
    file["model"]["vocab"] = {token: i for i, token in enumerate(vocabulary)}
    if merges == "strings":
        file["model"]["merges"] = [" ".join(pair) for pair in file["model"]["merges"]]
    file["model"].update(model)
    file["added_tokens"] = []
    for token in tokens:
        at = file["model"]["vocab"].get(token["content"])
        extra = [t for t in file["added_tokens"] if t["id"] >= len(vocabulary)]
        file["added_tokens"].append({"id": len(vocabulary) + len(extra) if at is None else at, **token})
    file["decoder"] = json.loads(decoder.__getstate__()) if decoder is not None else None
    return file


def bos_template(file, content):
    ids = {t["content"]: t["id"] for t in file["added_tokens"]} | file["model"]["vocab"]
    special = {"id": content, "ids": [ids[content]], "tokens": [content]}
    file["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": content, "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {content: special},
    }
    return file


def byte_kinds(lines):
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    decoder = decoders.ByteLevel()
    kinds = {}
    end = added("<|endoftext|>", normalized=True)
    kinds["gpt2"] = finish(
        train(lines, None, byte_level(use_regex=True), alphabet, 700),
        tokens=[end], merges="strings", decoder=decoder,
    )
    kinds["gpt2"]["post_processor"] = {
        "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False, "use_regex": True,
    }
    two = pre_tokenizers.Sequence([split(Regex(LLAMA3)), byte_level()])
    kinds["llama3"] = bos_template(
        finish(
            train(lines, None, two, alphabet, 700),
            tokens=[added("<|begin_of_text|>"), added("<|eot_id|>")],
            decoder=decoder, ignore_merges=True,
        ),
        "<|begin_of_text|>",
    )
    template = kinds["llama3"]["post_processor"]
    kinds["llama3"]["post_processor"] = {
        "type": "Sequence",
        "processors": [{"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False,
                        "use_regex": True}, template],
    }
    # Whole words that merges alone do not reach.
    model = kinds["llama3"]["model"]
    for word in sorted(model["vocab"], key=len)[-100::10]:
        model["merges"] = [pair for pair in model["merges"] if "".join(pair) != word]
    kinds["qwen2"] = finish(
        train(lines, normalizers.NFC(), pre_tokenizers.Sequence([split(Regex(QWEN2)), byte_level()]),
              alphabet, 700),
        tokens=[end | {"normalized": False}, added("<|im_start|>"), added("<|im_end|>"),
                added("<tool_call>", special=False)],
        decoder=decoder,
    )
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), byte_level(use_regex=True)])
    kinds["smollm"] = finish(
        train(lines, None, digits, alphabet, 700),
        tokens=[end | {"normalized": False}, added("<|im_start|>"), added("<|im_end|>")],
        merges="strings", decoder=decoder,
    )
    kinds["o200k"] = finish(
        train(lines, None, pre_tokenizers.Sequence([split(Regex(O200K), "removed", True), byte_level()]),
              alphabet, 600),
        tokens=[end], decoder=decoder,
    )
    flags = [
        added("<left>", lstrip=True), added("<right>", rstrip=True),
        added("<word>", single_word=True), added("<both>", lstrip=True, rstrip=True, normalized=True),
        added("<lower>", normalized=True, special=False), added("the", single_word=True, special=False),
        added("  ", special=False, normalized=True), added("<|", special=False),
        added("<|endoftext|>"), added("é", normalized=True, special=False),
    ]
    kinds["added_tokens"] = finish(
        train(lines, normalizers.Lowercase(), byte_level(True, True), alphabet, 500),
        tokens=flags, decoder=decoder,
    )
    return kinds


def sentencepiece_kinds(lines):
    replaced = [line.replace(" ", "▁") for line in lines]
    words = split("▁", "merged_with_next")
    first = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = [added("<unk>"), added("<s>"), added("</s>")]
    decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )

    def llama2():
        file = train(replaced, None, words, [], 500)
        file["pre_tokenizer"] = None
        file = finish(file, first=first, tokens=tokens, decoder=decoder, unk_token="<unk>",
                      byte_fallback=True, fuse_unk=True)
        return bos_template(file, "<s>")

    kinds = {"llama2": llama2(), "llama2_metaspace": llama2()}
    kinds["llama2"]["normalizer"] = {
        "type": "Sequence",
        "normalizers": [{"type": "Prepend", "prepend": "▁"},
                        {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}],
    }
    kinds["llama2_metaspace"]["pre_tokenizer"] = {
        "type": "Metaspace", "replacement": "▁", "prepend_scheme": "first", "split": False,
    }
    # Without byte fallback, and with one byte missing: unknown tokens, fused and not.
    for name, fuse in (("metaspace", True), ("metaspace_never", False)):
        file = train(replaced, None, words, [], 400)
        file["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "split": True,
                                 "prepend_scheme": "always" if fuse else "never"}
        kinds[name] = finish(
            file, first=["<unk>", "<pad>"], tokens=[added("<unk>"), added("<pad>")],
            decoder=decoders.Metaspace(prepend_scheme="always" if fuse else "never"),
            unk_token="<unk>", fuse_unk=fuse,
        )
    kinds["half_fallback"] = finish(
        train(replaced, None, words, [], 350), first=["<unk>"] + first[3:200], tokens=[added("<unk>")],
        decoder=decoder, unk_token="<unk>", byte_fallback=True, fuse_unk=True,
    )
    return kinds


def other_kinds(lines):
    n, p = normalizers, pre_tokenizers
    kinds = {}

    def add(name, normalizer, pre_tokenizer, decoder=None, **options):
        file = train(lines, normalizer, pre_tokenizer, [], 400, unk="<unk>", **options)
        kinds[name] = finish(file, first=["<unk>"], tokens=[added("<unk>")], decoder=decoder)

    add("nfkc_words",
        n.Sequence([n.Strip(), n.NFKC(), n.Lowercase(), n.Replace(Regex(r"\s+"), " "), n.Prepend("~")]),
        p.Sequence([p.Whitespace(), p.Digits(False)]))
    add("nfd_suffix", n.Sequence([n.NFD(), n.Replace("a", "o"), n.Strip(True, False)]),
        p.Sequence([p.WhitespaceSplit(), p.Punctuation("merged_with_previous")]), suffix="</w>",
        decoder=decoders.Strip("o", 0, 1))
    add("nfkd_prefix", n.NFKD(),
        p.Sequence([p.Split(Regex(r"\w+\b|\d{2}"), "contiguous"), p.Punctuation("contiguous")]),
        prefix="##", decoder=decoders.Sequence([decoders.Replace(Regex("##|e"), "E"), decoders.Fuse()]))
    add("split_next", None,
        p.Sequence([p.Split(Regex(r"[\h]+|^\p{Han}|$"), "merged_with_next"), p.Punctuation("removed"),
                    p.Metaspace("_", "first", True)]),
        decoder=decoders.Metaspace("_", "first", True))
    add("split_previous", n.Replace(Regex(r"(?<=[\p{Greek}\d])\S"), "<>"),
        p.Sequence([p.Split("the", "merged_with_previous"), p.Split(" ", "removed"),
                    p.Split(Regex(r"\W+|\D"), "merged_with_previous", True), p.Digits(False)]))
    return kinds


def make_all(fragments, next_number):
    lines = corpus(fragments, next_number)
    return byte_kinds(lines) | sentencepiece_kinds(lines) | other_kinds(lines)
