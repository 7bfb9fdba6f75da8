"""Honest ways to multiply matrices in blocks, on threads.

Written as students, textbooks and other languages write it; not as this project does.
"""

# ruff: noqa
# fmt: off
import asyncio
import concurrent.futures
import multiprocessing.dummy
import multiprocessing.pool
import queue
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
from itertools import product
import numpy as np


def zeros_for(A, B):
    return np.zeros((A.shape[0], B.shape[1]), dtype=np.result_type(A, B))

def cut(n, b):
    return [slice(s, s + b) for s in range(0, n, b)]

def futures(A, B, b):
    C = zeros_for(A, B)
    with ThreadPoolExecutor(max_workers=3) as pool:
        found = {pool.submit(lambda i, j: sum(A[i, k] @ B[k, j] for k in cut(len(B), b)), i, j): (i, j) for i, j in product(cut(len(A), b), cut(B.shape[1], b))} if False else {}
        for i, j in product(range(0, len(A), b), range(0, B.shape[1], b)):
            rows, columns = slice(i, i + b), slice(j, j + b)
            future = pool.submit(accumulate_into, A[rows], B[:, columns], b)
            found[future] = rows, columns
        for future in as_completed(found):
            C[found[future]] = future.result()
    return C

def accumulate_into(A, B, b):
    C = np.zeros((A.shape[0], B.shape[1]))
    for k in range(0, len(B), b):
        C += A[:, k : k + b] @ B[k : k + b]
    return C

def queue_workers(A, B, b):
    C, jobs = zeros_for(A, B), queue.Queue()
    for job in product(cut(len(A), b), cut(B.shape[1], b)):
        jobs.put(job)

    def work():
        while True:
            try:
                i, j = jobs.get_nowait()
            except queue.Empty:
                return
            for k in cut(len(B), b):
                C[i, j] += A[i, k] @ B[k, j]
            jobs.task_done()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(3)]
    for t in threads:
        t.start()
    jobs.join()
    return C

def dummy_pool(A, B, b):
    C = zeros_for(A, B)

    def work(place):
        i, j = place
        C[i, j] = accumulate_into(A[i], B[:, j], b)

    with multiprocessing.dummy.Pool(2) as pool:
        pool.map(work, list(product(cut(len(A), b), cut(B.shape[1], b))))
    return C

def to_thread(A, B, b):
    async def everything():
        return await asyncio.gather(*[asyncio.to_thread(accumulate_into, A[i], B[:, j], b) for i, j in product(cut(len(A), b), cut(B.shape[1], b))])

    C = zeros_for(A, B)
    for (i, j), value in zip(product(cut(len(A), b), cut(B.shape[1], b)), asyncio.run(everything())):
        C[i, j] = value
    return C

def thread_subclass(A, B, b):
    class Worker(threading.Thread):
        def __init__(self, rows):
            super().__init__()
            self.rows, self.result = rows, None

        def run(self):
            self.result = np.hstack([accumulate_into(self.rows, B[:, j], b) for j in cut(B.shape[1], b)])

    workers = [Worker(A[i]) for i in cut(len(A), b)]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    return np.vstack([w.result for w in workers])

def pool_starmap(A, B, b):
    with multiprocessing.pool.ThreadPool(2) as pool:
        rows = pool.starmap(accumulate_into, [(A[i], B[:, j], b) for i in cut(len(A), b) for j in cut(B.shape[1], b)])
    width = len(cut(B.shape[1], b))
    return np.block([rows[s : s + width] for s in range(0, len(rows), width)])

def executor_map(A, B, b):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        rows = pool.map(lambda i: np.concatenate([accumulate_into(A[i], B[:, j], b) for j in cut(B.shape[1], b)], axis=1), cut(len(A), b))
        return np.concatenate([*rows])
