package kernel

import "fmt"

// Dot is the inner product of a and b, which have equal length.
func Dot(a, b []float32) float32 {
	checkLengths("Dot", len(a), len(b))
	return active.dot(a, b)
}

// Axpy adds alpha*x to y.
func Axpy(alpha float32, x, y []float32) {
	checkLengths("Axpy", len(y), len(x))
	active.axpy(alpha, x, y)
}

// Add sets dst = a + b. dst may be a or b.
func Add(dst, a, b []float32) {
	checkLengths("Add", len(dst), len(a))
	checkLengths("Add", len(dst), len(b))
	active.add(dst, a, b)
}

// Mul sets dst = a * b, element by element. dst may be a or b.
func Mul(dst, a, b []float32) {
	checkLengths("Mul", len(dst), len(a))
	checkLengths("Mul", len(dst), len(b))
	active.mul(dst, a, b)
}

// Scale multiplies x by s.
func Scale(x []float32, s float32) { active.scale(x, s) }

// Max is the largest element of x, -Inf where there is none.
func Max(x []float32) float32 { return active.max(x) }

// Sum adds up the elements of x.
func Sum(x []float32) float32 { return active.sum(x) }

func checkLengths(op string, want, have int) {
	if want != have {
		panic(fmt.Sprintf("kernel.%s: slices of %d and %d elements", op, want, have))
	}
}
