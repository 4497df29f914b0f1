"""What a graph may do: the TensorFlow operations that a model needs, and no other.

An allow-list, because no list of dangerous operations has ever been complete: printing writes to
any file, a nested data set runs a graph of its own, a saver writes where it is told.
"""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


PURE = _names(
    """
    Abs Acos Add AddN AddV2 All Any ArgMax ArgMin AsString Asin Atan Atan2 BatchMatMul
    BatchMatMulV2 BatchMatMulV3 BiasAdd Bincount BitwiseAnd BitwiseOr BitwiseXor BroadcastArgs
    BroadcastTo Bucketize Case Cast Ceil Cholesky ClipByValue Concat ConcatV2 Const Conv2D Cos
    Cosh Cumprod Cumsum CumulativeLogsumexp DenseBincount Diag DiagPart Div DivNoNan
    DynamicPartition DynamicStitch Einsum Elu EnsureShape Equal Erf Erfc Erfinv Exp ExpandDims
    Expm1 Fill Floor FloorDiv FloorMod FusedBatchNormV3 Gather GatherNd GatherV2 Greater
    GreaterEqual HashTableV2 Identity IdentityN If InvertPermutation IsFinite IsInf IsNan L2Loss
    LeakyRelu Less LessEqual LinSpace Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr
    LookupTableFindV2 LookupTableImportV2 LookupTableSizeV2 LowerBound MatMul MatrixBandPart
    MatrixDiagPartV3 MatrixDiagV3 MatrixInverse MatrixSetDiagV3 MatrixSolve
    MatrixTriangularSolve Max Maximum Mean Min Minimum MirrorPad Mod Mul MulNoNan Neg NoOp
    NotEqual OneHot OnesLike Pack Pad PadV2 PartitionedCall Placeholder PlaceholderWithDefault
    Pow Prod RaggedRange RaggedTensorToTensor Range Rank ReadVariableOp RealDiv Reciprocal Relu
    Relu6 Reshape ResourceGather ResourceGatherNd Reverse ReverseV2 RightShift Rint Roll Round
    Rsqrt ScatterNd SegmentMax SegmentMean SegmentMin SegmentProd SegmentSum Select SelectV2
    Selu Shape ShapeN Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign SparseMatMul
    SparseTensorDenseMatMul Split SplitV Sqrt Square SquaredDifference Squeeze
    StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile StaticRegexFullMatch
    StaticRegexReplace StopGradient StridedSlice StringJoin StringLength StringLower StringStrip
    StringToHashBucketFast StringToNumber StringUpper Sub Sum Tan Tanh TensorListFromTensor
    TensorListGetItem TensorListLength TensorListReserve TensorListSetItem TensorListStack
    TensorScatterAdd TensorScatterMax TensorScatterMin TensorScatterSub TensorScatterUpdate Tile
    TopK TopKV2 Transpose TruncateDiv TruncateMod Unique UniqueV2 UniqueWithCounts Unpack
    UnsortedSegmentMax UnsortedSegmentMin UnsortedSegmentProd UnsortedSegmentSum UpperBound
    VarHandleOp VarIsInitializedOp VariableShape Where While Xdivy Xlog1py Xlogy ZerosLike
    """
)
"""Answers follow from inputs and weights alone. A table is filled once, from constants."""

SAVER = _names(
    "AssignVariableOp DisableCopyOnRead MergeV2Checkpoints RestoreV2 SaveV2 ShardedFilename"
)
"""What the two functions of a SavedModel's saver need, which no signature may reach."""

CLOCK = frozenset(["Timestamp"])
"""Reads the machine's clock."""

RANDOM = _names(
    """
    Multinomial ParameterizedTruncatedNormal RandomGamma RandomPoisson RandomPoissonV2
    RandomShuffle RandomStandardNormal RandomUniform RandomUniformInt RngReadAndSkip
    StatefulStandardNormal StatefulStandardNormalV2 StatefulTruncatedNormal StatefulUniform
    StatefulUniformFullInt StatefulUniformInt StatelessRandomGetAlg StatelessRandomGetKeyCounter
    StatelessRandomGetKeyCounterAlg StatelessRandomNormal StatelessRandomNormalV2
    StatelessRandomUniform StatelessRandomUniformInt StatelessRandomUniformIntV2
    StatelessRandomUniformV2 StatelessTruncatedNormal TruncatedNormal
    """
)
"""Draws."""

REMEMBERING = _names(
    """
    AssignAddVariableOp AssignSubVariableOp AssignVariableOp LookupTableExportV2
    LookupTableInsertV2 LookupTableRemoveV2 MutableDenseHashTableV2 MutableHashTableOfTensorsV2
    MutableHashTableV2 ResourceScatterAdd ResourceScatterNdAdd ResourceScatterNdUpdate
    ResourceScatterUpdate StackPopV2 StackPushV2 StackV2 TensorListConcatV2 TensorListPopBack
    TensorListPushBack TensorListResize
    """
)
"""Keeps something from one request to the next."""

CONTAINED = CLOCK | RANDOM | REMEMBERING
"""Not allowed, but without effect outside the process: such a model is asked all the same, so that
the verdict also says what it does wrong."""
