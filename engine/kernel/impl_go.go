package kernel

// goImplementation is the reference for every operation: plain Go, on every machine.
var goImplementation = implementation{
	name:       "go",
	tiles:      goTiles,
	widen:      widenRef,
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
