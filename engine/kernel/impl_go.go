package kernel

// goImplementation is the reference for every operation: plain Go, on every machine.
var goImplementation = implementation{
	name:  "go",
	tiles: goTiles,
	widen: widenRef,

	roundPairs: roundPairsRef,

	widenSFP:  widenSFPRef,
	int8Tiles: goIntTiles,
	int4Tiles: goIntTiles,
	sum8:      sumRef8,
	absMax:    absMaxRef,
	round8:    round8Ref,
	widen8:    widen8Ref,
	finish8:   finish8Ref,

	readStreams: readStreamsRef,

	dot:        dotRef,
	axpy:       axpyRef,
	add:        addRef,
	mul:        mulRef,
	scale:      scaleRef,
	exp:        expRef,
	tanh:       tanhRef,
	gelu:       geluRef,
	geluMul:    geluMulRef,
	max:        maxRef,
	expSum:     expSumRef,
	sum:        sumRef,
	sumSquares: sumSquaresRef,
	norm:       normRef,
	affine:     affineRef,
	rotate:     rotateRef,
}
