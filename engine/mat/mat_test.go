package mat

import "testing"

func TestViewsShareMemory(t *testing.T) {
	t.Parallel()
	m := New(3, 2)
	m.Row(1)[0] = 5
	part := m.Slice(1, 3)
	if part.Rows != 2 || part.Row(0)[0] != 5 {
		t.Fatalf("slice is %+v", part)
	}
	if cap(m.Row(0)) != 2 || cap(m.Slice(0, 1).Data) != 2 {
		t.Fatal("an append to a view would overwrite the rows behind it")
	}
	m.Check("m", 3, 2)
	defer func() {
		if recover() == nil {
			t.Fatal("a wrong shape went unnoticed")
		}
	}()
	m.Check("m", 2, 3)
}

func TestBufferIsReused(t *testing.T) { // counts allocations, so nothing else may run beside it
	var b Buffer
	first := b.Mat(4, 8)
	if allocs := testing.AllocsPerRun(10, func() { b.Mat(2, 16); b.Mat(1, 3) }); allocs != 0 {
		t.Errorf("%v allocations for matrices that fit", allocs)
	}
	if b.Bytes() != 4*8*4 || first.Rows != 4 {
		t.Errorf("buffer holds %d bytes", b.Bytes())
	}
	if big := b.Mat(10, 10); len(big.Data) != 100 {
		t.Errorf("grown matrix has %d numbers", len(big.Data))
	}
}
