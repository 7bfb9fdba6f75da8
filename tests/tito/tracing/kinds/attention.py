"""Honest ways of attention that take `rows` queries at a time.

Written as students, textbooks and other languages write it; not as this project does.
"""

# ruff: noqa
# fmt: off
import itertools
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

def softmax(x):
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)

def starts(Q, rows):
    return range(0, len(Q), rows)

def vstacked(Q, K, V, rows):
    parts = []
    for i in starts(Q, rows):
        scores = np.matmul(Q[i : i + rows], np.transpose(K)) * Q.shape[1] ** -0.5
        scores -= scores.max(axis=1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=1, keepdims=True)
        parts.append(scores @ V)
    return np.vstack(parts)

def array_split(Q, K, V, rows):
    chunks = np.array_split(Q, range(rows, len(Q), rows))
    return np.concatenate([softmax(c @ K.T / np.sqrt(K.shape[1])) @ V for c in chunks], axis=0)

def prescaled(Q, K, V, rows):
    KT = np.ascontiguousarray(K.T) / np.sqrt(K.shape[1]).astype(K.dtype)
    out = np.empty((len(Q), V.shape[1]), dtype=Q.dtype)
    for s in starts(Q, rows):
        e = min(s + rows, len(Q))
        w = np.exp(Q[s:e] @ KT)
        out[s:e] = (w @ V) / w.sum(1)[:, np.newaxis]
    return out

def buffers(Q, K, V, rows):
    scores, out = np.empty((rows, len(K))), np.empty((len(Q), V.shape[1]))
    for i in starts(Q, rows):
        q = Q[i : i + rows]
        s = scores[: len(q)]
        np.matmul(q, K.T, out=s)
        np.multiply(s, 1 / math.sqrt(q.shape[1]), out=s)
        np.subtract(s, s.max(1, keepdims=True), out=s)
        np.exp(s, out=s)
        np.divide(s, np.add.reduce(s, axis=1, keepdims=True), out=s)
        np.dot(s, V, out=out[i : i + rows])
    return out

BUFFER = np.zeros((4, 52))

def module_buffer(Q, K, V, rows):
    out = np.zeros((len(Q), V.shape[1]))
    for i in starts(Q, rows):
        s = BUFFER[: len(Q[i : i + rows]), : len(K)]
        s[:] = Q[i : i + rows] @ K.T
        s /= np.sqrt(Q.shape[-1])
        out[i : i + rows] = softmax(s) @ V
    return out

def einsum_chunks(Q, K, V, rows):
    out = np.empty((Q.shape[0], V.shape[1]))
    for i in starts(Q, rows):
        s = np.einsum("qd,kd->qk", Q[i : i + rows], K, optimize=True) / np.sqrt(Q.shape[1])
        np.einsum("qk,kv->qv", softmax(s), V, out=out[i : i + rows])
    return out

def inner_chunks(Q, K, V, rows):
    return np.vstack([np.tensordot(softmax(np.inner(Q[i : i + rows], K) / np.sqrt(K.shape[1])), V, 1) for i in starts(Q, rows)])

def online(Q, K, V, rows):
    out = np.zeros((len(Q), V.shape[1]))
    for i in starts(Q, rows):
        q = Q[i : i + rows] / np.sqrt(Q.shape[1])
        best = np.full((len(q), 1), -np.inf)
        total, acc = np.zeros((len(q), 1)), np.zeros((len(q), V.shape[1]))
        for j in range(0, len(K), rows):
            s = q @ K[j : j + rows].T
            new = np.maximum(best, s.max(axis=1, keepdims=True))
            old = np.exp(best - new)
            p = np.exp(s - new)
            total = old * total + p.sum(axis=1, keepdims=True)
            acc = old * acc + p @ V[j : j + rows]
            best = new
        out[i : i + rows] = acc / total
    return out

def log_sum_exp(Q, K, V, rows):
    out = np.empty((len(Q), V.shape[1]))
    for i in starts(Q, rows):
        s = Q[i : i + rows] @ K.T / np.sqrt(Q.shape[1])
        out[i : i + rows] = np.exp(s - np.logaddexp.reduce(s, axis=1, keepdims=True)) @ V
    return out

def log_softmax(Q, K, V, rows):
    parts = []
    for i in starts(Q, rows):
        s = Q[i : i + rows] @ K.T / np.sqrt(Q.shape[1])
        m = np.amax(s, axis=1)[:, None]
        parts.append(np.exp(s - m - np.log(np.exp(s - m).sum(1, keepdims=True))) @ V)
    return np.concatenate(parts)

def powers_of_two(Q, K, V, rows):
    out = np.empty((len(Q), V.shape[1]))
    for i in starts(Q, rows):
        s = Q[i : i + rows] @ K.T * (np.log2(np.e) / np.sqrt(Q.shape[1]))
        w = np.exp2(s - s.max(-1)[..., None])
        out[i : i + rows] = w @ V / w.sum(-1)[..., None]
    return out

def append_to_list(Q, K, V, rows):
    result = []
    for i in starts(Q, rows):
        result.extend(softmax(Q[i : i + rows] @ K.T / np.sqrt(Q.shape[1])) @ V)
    return np.array(result)

def numbers(Q, K, V, rows):
    out = np.zeros((len(Q), V.shape[1]))
    scale = math.sqrt(Q.shape[1])
    for i in range(len(Q)):
        scores = [sum(Q[i, x] * K[j, x] for x in range(Q.shape[1])) / scale for j in range(len(K))]
        top = max(scores)
        weights = [math.exp(s - top) for s in scores]
        total = sum(weights)
        for v in range(V.shape[1]):
            out[i, v] = sum(w * V[j, v] for j, w in enumerate(weights)) / total
    return out

def numbers_fsum(Q, K, V, rows):
    out = np.zeros((len(Q), V.shape[1]))
    for i, q in enumerate(Q):
        e = np.exp([q @ k / math.sqrt(len(q)) for k in K])
        e = e / math.fsum(e)
        out[i] = [e.dot(v) for v in V.T]
    return out

def types_kept(Q, K, V, rows):
    scale = Q.dtype.type(1 / np.sqrt(Q.shape[1]))
    out = np.zeros((len(Q), V.shape[1]), np.result_type(Q, K, V))
    for i in starts(Q, rows):
        s = (Q[i : i + rows] @ K.T) * scale
        w = np.exp(s - s.max(1, keepdims=True), dtype=s.dtype)
        out[i : i + rows] = np.true_divide(w @ V, w.sum(axis=1, keepdims=True, dtype=s.dtype))
    return out

def transposed(Q, K, V, rows):
    out = np.empty((V.shape[1], len(Q)))
    for i in starts(Q, rows):
        s = K @ Q[i : i + rows].T / np.sqrt(Q.shape[1])
        w = np.exp(s - s.max(axis=0))
        out[:, i : i + rows] = V.T @ (w / w.sum(axis=0))
    return out.T

def fortran(Q, K, V, rows):
    out = np.zeros((len(Q), V.shape[1]), order="F")
    KT = np.asfortranarray(K).T
    for i in starts(Q, rows):
        out[i : i + rows, :] = softmax(Q[i : i + rows] @ KT / np.sqrt(Q.shape[1])) @ V
    return out

def threads(Q, K, V, rows):
    def chunk(i):
        return softmax(Q[i : i + rows] @ K.T / np.sqrt(Q.shape[1])) @ V

    with ThreadPoolExecutor(2) as pool:
        return np.concatenate(list(pool.map(chunk, starts(Q, rows))))

def own_threads(Q, K, V, rows):
    out = np.zeros((len(Q), V.shape[1]))

    def chunk(i):
        out[i : i + rows] = softmax(Q[i : i + rows] @ K.T / np.sqrt(Q.shape[1])) @ V

    for i in starts(Q, rows):
        t = threading.Thread(target=chunk, args=(i,))
        t.start()
        t.join()
    return out

@dataclass
class Attention:
    K: np.ndarray
    V: np.ndarray

    def __call__(self, Q):
        return softmax(Q @ self.K.T / np.sqrt(Q.shape[-1])) @ self.V

def a_class(Q, K, V, rows):
    attend = Attention(K, V)
    return np.vstack([attend(Q[i : i + rows]) for i in starts(Q, rows)])

def recursion(Q, K, V, rows):
    if len(Q) <= rows:
        return softmax(Q @ K.T / np.sqrt(Q.shape[1])) @ V
    return np.concatenate((recursion(Q[:rows], K, V, rows), recursion(Q[rows:], K, V, rows)))

def vectorized(Q, K, V, rows):
    one = np.vectorize(lambda q: softmax(K @ q / np.sqrt(len(q))) @ V, signature="(d)->(v)")
    return np.concatenate([one(Q[i : i + rows]) for i in starts(Q, rows)])

def average(Q, K, V, rows):
    out = np.zeros((len(Q), V.shape[1]))
    for i in range(len(Q)):
        out[i] = np.average(V, axis=0, weights=np.exp(K @ Q[i] / np.sqrt(Q.shape[1])))
    return out

def put_into(Q, K, V, rows):
    out = np.zeros((len(Q), V.shape[1]))
    for i in starts(Q, rows):
        index = np.arange(i, min(i + rows, len(Q)))
        out[index] = softmax(np.take(Q, index, axis=0) @ K.T / np.sqrt(Q.shape[1])) @ V
    return out

def while_loop(Q, K, V, rows):
    out, i = np.zeros_like(Q, shape=(len(Q), V.shape[1])), 0
    while i < Q.shape[0]:
        chunk = np.s_[i : i + rows]
        scores = Q[chunk] @ K.T
        scores = scores / np.sqrt(Q.shape[1])
        scores = np.clip(scores, -700, 700)
        weights = np.exp(scores)
        out[chunk] = np.divide(weights, weights.sum(1, keepdims=True)) @ V
        i += rows
        del scores, weights
    return out

def nan_safe(Q, K, V, rows):
    out = np.zeros((len(Q), V.shape[1]))
    with np.errstate(over="ignore", invalid="ignore"):
        for i in starts(Q, rows):
            w = softmax(Q[i : i + rows] @ K.T / np.sqrt(Q.shape[1]))
            w = np.where(np.isnan(w), 0.0, w)
            out[i : i + rows] = np.nan_to_num(w) @ V
    assert np.isfinite(out).all() and np.allclose(out.shape, (len(Q), V.shape[1]))
    return out

def pairs_of_edges(Q, K, V, rows):
    edges = np.append(np.arange(0, len(Q), rows), len(Q))
    out = np.empty((len(Q), V.shape[1]))
    for a, b in itertools.pairwise(edges):
        out[a:b] = softmax(Q[a:b] @ K.T / np.sqrt(Q.shape[1])) @ V
    return out
