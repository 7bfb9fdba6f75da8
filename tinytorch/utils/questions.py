"""The predictions that the lesson asks for, and what a wrong one may have left out.

The sentences are not in the notebook, so that no reader sees the answer before the question.
"""

from math import log
from typing import NamedTuple

__all__ = ["EXPERIMENTS", "QUESTIONS", "Asked", "Question"]


class Question(NamedTuple):
    """A figure to predict: the question, its unit, and a sentence for each way to miss it.

    ``low`` is said of a prediction less than ``near`` times too small, ``high`` of one as much too
    large, and ``right`` of what lies between.
    """

    text: str
    unit: str
    low: str
    right: str
    high: str
    near: float = 2.0

    def compare(self, predicted: float, measured: float) -> str:
        """Return the sentence for a prediction, both figures above 0."""
        if measured <= 0 or abs(log(predicted / measured)) <= log(self.near):
            return self.right
        return self.low if predicted < measured else self.high


QUESTIONS = {
    "first call": Question(
        "How many times as long as the fastest call does the first one take?",
        "times",
        "You counted the arithmetic only: a first call also loads code and fills caches.",
        "You allowed for what only a first call does: it loads code and fills caches.",
        "The first call is slow, but not that slow: what it has to load is small.",
    ),
    "traced loop": Question(
        "How many times as long does a triple loop take while every allocation is recorded?",
        "times",
        "Each step makes number objects, and each of them is recorded: watching costs.",
        "Every object that a step makes is recorded, and a step makes several.",
        "Recording an object costs several times as much as making it, not a hundred times.",
    ),
    "small product": Question(
        "What share of its best rate does A @ B reach at n = 8?",
        "%",
        "The call takes less, or the best rate is lower, than you thought; still, nearly all is "
        "the call.",
        "At n = 8 nearly all of the time goes into the call, hardly any into arithmetic.",
        "1,024 operations take a core some ten nanoseconds; the call around them takes far longer.",
    ),
    "cycles": Question(
        "How many cycles does the triple loop spend on a multiplication and an addition?",
        "cycles",
        "You thought of compiled code: Python takes both numbers out of their arrays first, "
        "wraps each in an object, and looks up what * and + mean for them.",
        "You counted what surrounds an operation in Python, which is nearly all of it.",
        "It is slow, but not that slow: Python does some ten million simple steps per second.",
    ),
    "misses of jki": Question(
        "What share of all accesses misses with the order jki?",
        "%",
        "Two of three accesses go down a column, each into another line; a small cache has "
        "dropped that line before its next number is asked for.",
        "Two of the three matrices are read down their columns, and the third number stays.",
        "One of the three accesses, that to B, hardly ever misses: its number is used n times.",
        near=1.25,
    ),
    "compiled loops": Question(
        "How many times as fast as the loop over numbers of arrays is A @ B, n = 128?",
        "times",
        "Every rung gives away a cost: objects, then Python's loop, then calls, then fetches.",
        "You multiplied the gains of several rungs; no single one explains the factor.",
        "The loop is slow, but a core has its limit: see the peak in the roofline.",
        near=3.0,
    ),
    "n = 16": Question(
        "What share of the peak does A @ B reach at n = 16?",
        "%",
        "Your calls cost less than you thought: look at the steep roof.",
        "You thought of the cost of a call, which the two classic roofs leave out.",
        "Both classic roofs allow far more: what is left is the call itself, the steep roof.",
    ),
    "best tile": Question(
        "Which tile, of 4, 8, 16 and 32, misses least in a cache of 4 KiB?",
        "numbers per side",
        "Larger tiles use each number more often, as long as three of them fit.",
        "The largest tile of which three fit: 3 * 16**2 numbers of 4 bytes are 3 KiB.",
        "Three tiles that large do not fit into the cache together, and push each other out.",
        near=1.0,
    ),
    "best block_size": Question(
        "Which block_size is fastest around @, of 32, 64, 128, 256 and 512?",
        "rows",
        "Smaller blocks fit into nearer caches, but @ does not need your help there: what counts "
        "is what you pay for each block.",
        "You weighed what surrounds a block against its arithmetic.",
        "The largest blocks are nearly one call; here a smaller size was as good, or other "
        "programs disturbed the sweep: look at the spreads.",
        near=1.5,
    ),
    "blocked over A @ B": Question(
        "How many times as fast as A @ B is the best of these block sizes?",
        "times",
        "Blocks cost little once they are large: a call and one more pass over the result.",
        "@ is blocked inside, so blocks around it add work and save hardly anything.",
        "What your blocks would save, A @ B saves already: there is nothing left to win.",
        near=1.25,
    ),
    "rows of a chain": Question(
        "Which number of rows at a time is fastest for a chain of seven operations?",
        "rows",
        "Few rows mean more calls for less work; where the times hardly differ, the best is "
        "chance.",
        "You chose a strip that is worth its calls.",
        "A large strip may leave the near caches; where the times hardly differ, the best is "
        "chance.",
        near=4.0,
    ),
    "attention in chunks": Question(
        "How many times as fast is attention in chunks as all at once in place?",
        "times",
        "A strip that stays in a cache saves trips to memory, if the whole does not fit there.",
        "Chunks change little for the products; only exp, sum and division gain.",
        "Chunks save the trips of exp, sum and division only; the products gain little.",
        near=1.25,
    ),
    "64 workers": Question(
        "With 0.05 of a run serial, how many times as fast are 64 workers?",
        "times",
        "Even a serial twentieth leaves room: without end of workers the limit is 20.",
        "You set the serial part against a limit of 1 / 0.05 = 20.",
        "The serial twentieth alone caps the speedup at 20, however many workers there are.",
        near=1.3,
    ),
    "threads": Question(
        "How many times as fast as one thread is the best number of threads, n = 1024?",
        "times",
        "Rows of the result need nothing of each other: most of the work can be shared.",
        "You weighed work that can be shared against the cores, memory and clock that threads "
        "share.",
        "No more threads work at a time than there are cores, and all share memory and heat.",
        near=1.2,
    ),
    "two calls at once": Question(
        "Two threads call A @ B at once, and BLAS has threads of its own. After how many times "
        "the time of one call do both have ended?",
        "calls",
        "Twice the work takes at least twice the time, if one call keeps all cores busy already.",
        "You saw how many cores one call leaves idle: two calls share them or take turns.",
        "They disturb each other less than you expected.",
        near=1.3,
    ),
    "threads at n = 64": Question(
        "How many times as fast as A @ B is matmul_parallel at n = 64?",
        "times",
        "Threads have to be made, but not all is lost: look at what the call costs in all.",
        "Making the threads takes far longer than a product of 64 x 64.",
        "A product of 64 x 64 takes some microseconds; making a pool takes a hundred or more.",
        near=3.0,
    ),
    "int64": Question(
        "How many times as fast as float32 is A @ B for int64?",
        "times",
        "Integers are slower, but the loop is still compiled code.",
        "BLAS has no integers: a plain compiled loop, without tiles, multiplies them.",
        "BLAS multiplies floats only; integers take a plain loop without tiles.",
        near=3.0,
    ),
    "share of the product": Question(
        "What share of a dense layer's time does its product take, with A @ B at n = 64?",
        "%",
        "Bias and activation are two more calls, but little work: the product still takes more.",
        "You saw that a fast product leaves a visible share to what surrounds it.",
        "With a fast product, the calls for bias and activation take a share that one can see.",
        near=1.25,
    ),
    "loop order": Question(
        "How many times as fast as jki is ikj, both compiled, n = 500?",
        "times",
        "Order decides two things: which lines are fetched, and whether SIMD can be used.",
        "You counted both: fewer lines to fetch, and several numbers per instruction.",
        "At a size that is no power of two, columns spread over all sets of a cache.",
        near=2.0,
    ),
}
"""By name, in the order of the lesson."""


class Asked(NamedTuple):
    """What an experiment asks to be predicted, and what there is to see in its figures."""

    questions: tuple[str, ...]
    debrief: str


EXPERIMENTS = {
    "ruler": Asked(
        ("first call", "traced loop"),
        "A first call loads code, fills caches and starts what has to be started: that is "
        "warm-up, and no later call pays it. Watching has a price, too, so time is never "
        "measured while memory is recorded. What is left are other programs, which only ever add "
        "time: so the fastest of many passes is the best estimate of what a call costs (Chen and "
        "Revels, 2016), and the spread, between the quartiles, tells how much was added to the "
        "others.",
    ),
    "rates_by_size": Asked(
        ("small product",),
        "Small products are slow because a call takes its time, whatever it multiplies. Larger "
        "ones come near a limit that step 2 explains. Compare the powers of two with their "
        "neighbours: where they differ by more than their spreads, the size itself matters.",
    ),
    "cost_of_a_step": Asked(
        ("cycles",),
        "Look at the first line: looping is cheap. Between lists and arrays you see what it "
        "costs to take two numbers out of their arrays and to wrap each in an object; the "
        "multiplication is hidden somewhere below. So in Python the order of the loops hardly "
        "matters. In compiled code it does, and step 7 measures how much.",
    ),
    "loop_orders": Asked(
        ("misses of jki",),
        "Look at what the innermost loop changes. In ikj it is j: B and C are read along their "
        "rows, sixteen numbers to a line. In jki it is i: A and C are read down their columns, a "
        "new line for each number, and the cache has dropped it before its next number is asked "
        "for. In ijk only B is read down its columns: one access of three.",
    ),
    "numpy_ladder": Asked(
        ("compiled loops",),
        "No single rung explains the factor. Lists do without the objects that arrays make of "
        "their numbers, a dot takes over the innermost loop, fewer calls do without overhead. "
        "Outer products pass over all of C for each k; a row at a time reads and writes it once.",
    ),
    "rates_by_type": Asked(
        ("int64",),
        "BLAS has float32 and float64, and twice the bytes take at least about twice the time. "
        "Integers and float16 take a plain compiled loop, without tiles; float16 is converted "
        "number by number where the processor cannot compute with it.",
    ),
    "roofs": Asked(
        ("n = 16",),
        "For n = 16 both classic roofs allow far more than was measured: neither arithmetic nor "
        "memory limits so small a product, but the call around it. Compare the point with the "
        "steep roof. At n = 512 the call no longer counts, and each number fetched is used 512 "
        "times. Bytes are counted as STREAM does: read or written once.",
    ),
    "tile_sizes": Asked(
        ("best tile",),
        "Three tiles of 16 take 3 KiB and fit; three of 32 take 12 KiB and push each other out. "
        "Below the best size each number is used less often. A machine has several caches, and "
        "BLAS has a block for each of them.",
    ),
    "sweep_blocks": Asked(
        ("best block_size", "blocked over A @ B"),
        "The dotted lines say which blocks fit where. Where the rates do not follow them, what "
        "surrounds a block counts. Look at the table below: which of its parts shrink against "
        "the arithmetic as blocks grow?",
    ),
    "chain": Asked(
        ("rows of a chain",),
        "A strip of 64 rows takes 1 MiB. Much larger ones leave the caches between two "
        "operations, much smaller ones pay a call for little work; where both show, the times "
        "form a U. Where they do not, the memory of your machine keeps up with one core.",
    ),
    "attention": Asked(
        ("attention in chunks",),
        "Compare three things: the second line with the first is what out= saves, the others "
        "with the first is what strips add, and the column of memory shows what they are for. "
        "The two products gain little.",
    ),
    "sweep_threads": Asked(
        ("64 workers", "threads"),
        "The fitted share does not say what is serial: the run behaves as if so much were. "
        "Memory that the cores share, a clock that slows down, starting the pool and other "
        "programs all end up in it. Look at the numbers of threads that test the law: where it "
        "misses by more than the spread, it leaves something out.",
    ),
    "threads_of_blas": Asked(
        ("two calls at once",),
        "If one call ends after about one call's time and the other after two, your BLAS lets "
        "them queue; if both end after two, they share the cores. Where both end later still, "
        "they disturb each other. The last lines show whether its threads go on looking for work "
        "after a call, which takes cores from whoever runs next: so compare with BLAS held to "
        "one thread.",
    ),
    "side_by_side": Asked(
        ("threads at n = 64",),
        "At n = 64 making the threads takes longer than the product: threads pay for large work "
        "only. Compare with the sweep at n = 1024.",
    ),
    "dense_layer": Asked(
        ("share of the product",),
        "With the triple loop the layer is its product, and a faster one is all that counts. "
        "With a fast product, bias and activation take a share that one can see, and the last "
        "column is near: the next step would be to do all three on a strip, as in step 4.",
    ),
    "climb": Asked(
        ("loop order",),
        "Compare lines: from jki to ikj with one number per instruction is what order alone "
        "brings, the next rung what SIMD adds. The line of n = 512 is jki at a power of two: its "
        "columns fall into few sets of the cache, as in step 1. A claimed factor of a hundred "
        "for loop order multiplies all three.",
    ),
}
"""By the name of the function that measures."""
