// Package mat holds the two things the engine needs to pass matrices about: a view of rows in a slice of
// float32, and a buffer that such views are cut from again and again. It computes nothing.
package mat

import "fmt"

// Mat is a row-major matrix without gaps between its rows.
type Mat struct {
	Data       []float32 // [Rows, Cols]
	Rows, Cols int
}

// New makes a matrix of zeros.
func New(rows, cols int) Mat { return Mat{make([]float32, rows*cols), rows, cols} }

// Row is row i, shared with m.
func (m Mat) Row(i int) []float32 { return m.Data[i*m.Cols : (i+1)*m.Cols : (i+1)*m.Cols] }

// Slice is rows from up to but without to, shared with m.
func (m Mat) Slice(from, to int) Mat {
	return Mat{m.Data[from*m.Cols : to*m.Cols : to*m.Cols], to - from, m.Cols}
}

// Check panics unless m has that shape: shapes are fixed by the checkpoint, so a wrong one is a mistake in
// the engine.
func (m Mat) Check(what string, rows, cols int) {
	if m.Rows != rows || m.Cols != cols || len(m.Data) != rows*cols {
		panic(fmt.Sprintf("engine: %s is [%d, %d] of %d numbers, want [%d, %d]", what, m.Rows, m.Cols, len(m.Data), rows, cols))
	}
}

// Buffer is memory for one matrix at a time. The zero value is ready.
type Buffer struct{ data []float32 }

// Mat cuts a matrix of that shape from the buffer, which grows as needed and never shrinks. The contents
// are whatever was there; an earlier matrix of the same buffer must not be used any more.
func (b *Buffer) Mat(rows, cols int) Mat {
	n := rows * cols
	if cap(b.data) < n {
		b.data = make([]float32, n)
	}
	return Mat{b.data[:n:n], rows, cols}
}

// Bytes is the memory the buffer holds.
func (b *Buffer) Bytes() int64 { return int64(cap(b.data)) * 4 }
