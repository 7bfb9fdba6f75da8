"""The names of NumPy's operations: which are one step of a log, and which a replay takes."""

__all__ = [
    "CREATORS",
    "FUNCTIONS",
    "MATH_FUNCTIONS",
    "METHODS",
    "FROM_DATA",
    "OPTIONS",
    "PRODUCTS",
    "OF_LISTS",
    "QUERIES",
    "UFUNCS",
    "STRINGS",
]


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


UFUNCS = _names(
    """
    add subtract multiply divide true_divide floor_divide remainder mod fmod power float_power
    negative positive absolute abs fabs rint sign conjugate conj exp exp2 expm1 log log2 log10
    log1p sqrt square cbrt reciprocal maximum minimum fmax fmin greater greater_equal less
    less_equal equal not_equal logical_and logical_or logical_not logical_xor isnan isinf
    isfinite signbit bitwise_and bitwise_or bitwise_xor invert left_shift right_shift sin cos
    tan sinh cosh tanh arctan arctan2 hypot logaddexp logaddexp2 copysign trunc floor ceil
    ldexp frexp divmod modf clip matmul vecdot matvec vecmat
    """
)
MATH_FUNCTIONS = _names("exp sqrt log log2 fabs pow fsum")
"""Functions of `math` on numbers, and the sum of many."""

METHODS = _names("__call__ reduce accumulate reduceat outer at")
FUNCTIONS = _names(
    """
    dot inner outer vdot tensordot einsum concatenate block pad tile repeat where copyto clip
    take roll zeros_like empty_like ones_like full_like copy reshape ravel cumsum cumprod
    trace diag diagflat tril triu take_along_axis choose compress argmax argmin argsort sort
    nonzero flatnonzero real imag fill_diagonal put nan_to_num array_equal kron delete append
    insert bincount correlate convolve putmask place searchsorted
    """
)
"""Each of these is one step. NumPy's other functions are made of steps, and run as they are."""

QUERIES = _names(
    """
    shape ndim size result_type can_cast min_scalar_type shares_memory may_share_memory
    iscomplexobj isrealobj array_repr array_str array2string einsum_path common_type save
    savez savetxt
    """
)
"""These return facts about arrays and make no array: no step."""

FROM_DATA = _names(
    """
    array asarray asanyarray ascontiguousarray asfortranarray require frombuffer fromiter copy
    """
)
"""Of numbers that are not recorded these make known contents, and are no step."""

CREATORS = FROM_DATA | _names("zeros empty ones full eye identity arange linspace tri")

OPTIONS = _names(
    """
    out axis axes dtype casting order subok keepdims initial where optimize mode
    constant_values indices_or_sections reps shape newshape copy ndmin fill_value k N M num
    endpoint a b repeats shift offset values arr kind posinf neginf nan a_min a_max min max
    start stop step weights minlength axis1 axis2 stat_length
    end_values reflect_type sorter side equal_nan v A m x arr arrays a1 a2 indices wrap copy stable
    choices condition obj ind val array requirements
    """
)

STRINGS = _names(
    """
    C F A K no equiv safe same_kind unsafe raise wrap clip constant edge reflect symmetric
    linear_ramp maximum minimum mean median even odd quicksort mergesort heapsort stable full
    same valid left right greedy optimal einsum_path O W E
    """
)
"""The strings allowed as operands, besides types of numbers and the letters of einsum."""

OF_LISTS = _names(
    """
    concatenate stack vstack hstack dstack column_stack row_stack block select choose ix_ lexsort
    broadcast_arrays meshgrid append insert ravel_multi_index
    """
)
"""These take lists of arrays, and handle recorded ones in them."""

PRODUCTS = frozenset(
    [f"function {name}" for name in _names("dot inner outer vdot tensordot einsum kron")]
    + [f"function {name}" for name in ("correlate", "convolve")]
    + [f"ufunc {name}.__call__" for name in _names("matmul vecdot matvec vecmat multiply")]
    + ["ufunc multiply.outer"]
)
"""The steps that multiply numbers of two arrays with each other."""
