package layout

// disjoint is a forest of sets over 0..n-1: the entry of a member leads towards its root, the least member of the
// set.
type disjoint []int32

// singletons puts each of n members into a set of its own.
func singletons(n int) disjoint {
	d := make(disjoint, n)
	for i := range d {
		d[i] = int32(i)
	}
	return d
}

// root finds the least member of i's set, halving the way there for the next search.
func (d disjoint) root(i int32) int32 {
	for d[i] != i {
		d[i] = d[d[i]]
		i = d[i]
	}
	return i
}

// join makes one set of two.
func (d disjoint) join(a, b int32) {
	a, b = d.root(a), d.root(b)
	d[max(a, b)] = min(a, b)
}
