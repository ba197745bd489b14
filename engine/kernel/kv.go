package kernel

import "fmt"

// KV holds the keys and values of one kv head for positions 0 ... Len()-1, in the layout Attend
// reads: tiles of 64 positions, keys as four panels [D, 16] of 16 positions each, values as panels
// [64, 16] of 16 dimensions each. A tile is allocated when its first position arrives. Appending
// and attending must not overlap in time.
type KV struct {
	dim   int
	n     int
	tiles []numbers
	half  bool // stored as bfloat16
}

// numbers are a run of float32, or of bfloat16 where the other is nil.
type numbers struct {
	f32  []float32
	bf16 []uint16
}

// from leaves the first i out.
func (x numbers) from(i int) numbers {
	if x.bf16 != nil {
		return numbers{bf16: x.bf16[i:]}
	}
	return numbers{f32: x.f32[i:]}
}

// NewKV makes an empty KV for head dimension dim.
func NewKV(dim int) *KV {
	if dim <= 0 {
		panic(fmt.Sprintf("kernel.NewKV: head dimension %d", dim))
	}
	return &KV{dim: dim}
}

// NewHalfKV makes an empty KV that rounds keys and values to bfloat16 and takes half the memory.
func NewHalfKV(dim int) *KV {
	c := NewKV(dim)
	c.half = true
	return c
}

// KVBytes is the memory a KV of that many positions takes.
func KVBytes(dim, positions int) int64 {
	tiles := (int64(positions) + keyTile - 1) / keyTile
	return tiles * keyTile * int64(dim+paddedN(dim)) * 4
}

// Len is the number of positions held.
func (c *KV) Len() int { return c.n }

// Bytes is the memory the KV holds.
func (c *KV) Bytes() int64 {
	bytes := KVBytes(c.dim, len(c.tiles)*keyTile)
	if c.half {
		bytes /= 2
	}
	return bytes
}

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
		tile := numbers{}
		if size := keyTile * (c.dim + paddedN(c.dim)); c.half {
			tile.bf16 = castBytes[uint16](alignedBytes(2 * size))
		} else {
			tile.f32 = alignedFloats(size)
		}
		c.tiles = append(c.tiles, tile)
	}
	tile, pos := c.tiles[c.n/keyTile], c.n%keyTile
	at := pos/panelWidth*panelWidth*c.dim + pos%panelWidth
	if c.half {
		for _, x := range k {
			tile.bf16[at] = RoundBFloat16(x)
			at += panelWidth
		}
		values := tile.bf16[keyTile*c.dim:]
		for d, x := range v {
			values[d/panelWidth*panelWidth*keyTile+pos*panelWidth+d%panelWidth] = RoundBFloat16(x)
		}
		c.n++
		return
	}
	for _, x := range k {
		tile.f32[at] = x
		at += panelWidth
	}
	values := tile.f32[keyTile*c.dim:]
	for d := 0; d < c.dim; d += panelWidth {
		copy(values[d*keyTile+pos*panelWidth:][:panelWidth], v[d:])
	}
	c.n++
}
