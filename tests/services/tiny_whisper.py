"""A Whisper of a few kilobytes, made here: it says one sentence, whatever it hears.

Its weights are nothing but a table of which token follows which. Attention is all zero, so sound makes no difference;
embeddings point each token into a direction of its own, and the output's weights ask for its follower. It is a whole
Whisper all the same: CTranslate2's format, a multilingual vocabulary of 51,865 tokens, timestamps, a tokenizer.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np
import tokenizers
from faster_whisper.tokenizer import _LANGUAGE_CODES

WIDTH, HEADS, MELS, AUDIO_CONTEXT, TEXT_CONTEXT = 32, 2, 80, 1500, 448
START = 50_258
SPECIAL = ["<|endoftext|>", "<|startoftranscript|>"]
LANGUAGE, SENTENCE = "de", ["Ask", " not", " what."]
SAID_SECONDS = (0.2, 1.4)


def vocabulary() -> list[str]:
    """51,865 tokens in Whisper's order: text, specials, languages, tasks, 1,501 timestamps."""
    letters = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    text = [*letters, *(word.replace(" ", "\u0120") for word in SENTENCE)]
    text += [f"unused{i}" for i in range(START - 2 - len(text))]
    text.append("")  # by which CTranslate2 tells a multilingual vocabulary
    languages = [f"<|{code}|>" for code in sorted(_LANGUAGE_CODES)][:99]
    tasks = ["translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"]
    times = [f"<|{i * 0.02:.2f}|>" for i in range(1501)]
    tokens = [*text, *SPECIAL, *languages, *(f"<|{task}|>" for task in tasks), *times]
    assert len(tokens) == 51_865
    return tokens


def make(folder: Path) -> Path:
    """Write the model into a folder."""
    tokens = vocabulary()
    ids = {token: i for i, token in enumerate(tokens)}
    spec = ctranslate2.specs.WhisperSpec(1, HEADS, 1, HEADS)
    _encoder(spec.encoder)
    _decoder(spec.decoder, ids)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = [ids["<|endoftext|>"]]
    spec.config.lang_ids = [i for token, i in ids.items() if START < i < START + 100]
    spec.config.alignment_heads = [(0, 0)]
    spec.validate()
    folder.mkdir(parents=True)
    spec.save(str(folder))
    _tokenizer(tokens).save(str(folder / "tokenizer.json"))
    return folder


def _follows() -> list[tuple[str, str]]:
    """Which token the model says after which."""
    start, end = (f"<|{seconds:.2f}|>" for seconds in SAID_SECONDS)
    first, second, third = (word.replace(" ", "\u0120") for word in SENTENCE)
    return [
        ("<|startoftranscript|>", f"<|{LANGUAGE}|>"),
        ("<|transcribe|>", start),
        ("<|notimestamps|>", first),
        (start, first),
        (first, second),
        (second, third),
        (third, end),
        (end, "<|endoftext|>"),
    ]


def _zeros(*shape: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.zeros(shape, dtype=np.float32)


def _linear(layer: Any, inputs: int, outputs: int) -> None:
    layer.weight, layer.bias = _zeros(outputs, inputs), _zeros(outputs)


def _norm(layer: Any, gain: float = 1.0) -> None:
    layer.gamma, layer.beta = _zeros(WIDTH) + np.float32(gain), _zeros(WIDTH)


def _attention(layer: Any, *, over_itself: bool) -> None:
    _norm(layer.layer_norm)
    parts = [3, 1] if over_itself else [1, 2, 1]
    for linear, times in zip(layer.linear, parts, strict=True):
        _linear(linear, WIDTH, WIDTH * times)


def _feed_forward(layer: Any) -> None:
    _norm(layer.layer_norm)
    _linear(layer.linear_0, WIDTH, WIDTH * 4)
    _linear(layer.linear_1, WIDTH * 4, WIDTH)


def _encoder(encoder: Any) -> None:
    for conv, inputs in ((encoder.conv1, MELS), (encoder.conv2, WIDTH)):
        conv.weight, conv.bias = _zeros(WIDTH, inputs, 3), _zeros(WIDTH)
    encoder.position_encodings.encodings = _zeros(AUDIO_CONTEXT, WIDTH)
    _norm(encoder.layer_norm)
    for layer in encoder.layer:
        _attention(layer.self_attention, over_itself=True)
        _feed_forward(layer.ffn)


def _decoder(decoder: Any, ids: dict[str, int]) -> None:
    embeddings, followers = _zeros(len(ids), WIDTH), _zeros(len(ids), WIDTH)
    for direction, (token, follower) in enumerate(_follows()):
        embeddings[ids[token], direction] = 1
        followers[ids[follower], direction] += 1
    decoder.embeddings.weight = embeddings
    decoder.projection.weight, decoder.projection.bias = followers, _zeros(len(ids))
    decoder.position_encodings.encodings = _zeros(TEXT_CONTEXT, WIDTH)
    _norm(decoder.layer_norm, gain=10.0)
    for layer in decoder.layer:
        _attention(layer.self_attention, over_itself=True)
        _attention(layer.attention, over_itself=False)
        _feed_forward(layer.ffn)


def _tokenizer(tokens: list[str]) -> tokenizers.Tokenizer:
    text = {token: i for i, token in enumerate(tokens[: START - 1])}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(text, []))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    tokenizer.add_special_tokens(
        [tokenizers.AddedToken(token, special=True) for token in tokens[START - 1 :]]
    )
    return tokenizer
