package kernel

import "fmt"

// KV holds the keys and values of one kv head for positions 0 ... Len()-1, in the layout Attend
// reads: tiles of 64 positions, keys as four panels [D, 16] of 16 positions each, values as panels
// [64, 16] of 16 dimensions each. A tile is allocated when its first position arrives. Appending
// and attending must not overlap in time.
type KV struct {
	dim   int
	n     int
	tiles [][]float32
}

// NewKV makes an empty KV for head dimension dim.
func NewKV(dim int) *KV {
	if dim <= 0 {
		panic(fmt.Sprintf("kernel.NewKV: head dimension %d", dim))
	}
	return &KV{dim: dim}
}

// KVBytes is the memory a KV of that many positions takes.
func KVBytes(dim, positions int) int64 {
	tiles := (int64(positions) + keyTile - 1) / keyTile
	return tiles * keyTile * int64(dim+paddedN(dim)) * 4
}

// Len is the number of positions held.
func (c *KV) Len() int { return c.n }

// Bytes is the memory the KV holds.
func (c *KV) Bytes() int64 { return KVBytes(c.dim, len(c.tiles)*keyTile) }

// Reset forgets all positions and keeps the memory for the next ones.
func (c *KV) Reset() { c.n = 0 }

// Truncate forgets the positions from n on.
func (c *KV) Truncate(n int) {
	if n < 0 || n > c.n {
		panic(fmt.Sprintf("kernel.KV.Truncate: to %d of %d positions", n, c.n))
	}
	c.n = n
}

// Append adds rows positions; row i of keys and values is the D floats at k[i*ldk:] and v[i*ldv:].
func (c *KV) Append(k []float32, ldk int, v []float32, ldv, rows int) {
	if rows == 0 {
		return
	}
	if rows < 0 || len(k) < (rows-1)*ldk+c.dim || len(v) < (rows-1)*ldv+c.dim {
		panic(fmt.Sprintf("kernel.KV.Append: %d rows of %d from %d keys (stride %d) and %d values (stride %d)",
			rows, c.dim, len(k), ldk, len(v), ldv))
	}
	for i := range rows {
		c.append(k[i*ldk:i*ldk+c.dim], v[i*ldv:i*ldv+c.dim])
	}
}

func (c *KV) append(k, v []float32) {
	if c.n == len(c.tiles)*keyTile {
		c.tiles = append(c.tiles, alignedFloats(keyTile*(c.dim+paddedN(c.dim))))
	}
	tile, pos := c.tiles[c.n/keyTile], c.n%keyTile
	at := pos/panelWidth*panelWidth*c.dim + pos%panelWidth
	for _, x := range k {
		tile[at] = x
		at += panelWidth
	}
	values := tile[keyTile*c.dim:]
	for d := 0; d < c.dim; d += panelWidth {
		copy(values[d*keyTile+pos*panelWidth:][:panelWidth], v[d:])
	}
	c.n++
}
