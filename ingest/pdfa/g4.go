package pdfa

import "image"

// code is a bit pattern, its lowest n bits, sent from the highest.
type code struct {
	bits uint16
	n    uint8
}

// The codes of runs (ITU-T T.4, tables 2 and 3): of 0 to 63 pixels, of 64 to
// 1728 in steps of 64, and of 1792 to 2560, which both colours share.
var (
	whiteRuns = [64]code{
		{0x35, 8}, {0x07, 6}, {0x07, 4}, {0x08, 4}, {0x0b, 4}, {0x0c, 4}, {0x0e, 4}, {0x0f, 4},
		{0x13, 5}, {0x14, 5}, {0x07, 5}, {0x08, 5}, {0x08, 6}, {0x03, 6}, {0x34, 6}, {0x35, 6},
		{0x2a, 6}, {0x2b, 6}, {0x27, 7}, {0x0c, 7}, {0x08, 7}, {0x17, 7}, {0x03, 7}, {0x04, 7},
		{0x28, 7}, {0x2b, 7}, {0x13, 7}, {0x24, 7}, {0x18, 7}, {0x02, 8}, {0x03, 8}, {0x1a, 8},
		{0x1b, 8}, {0x12, 8}, {0x13, 8}, {0x14, 8}, {0x15, 8}, {0x16, 8}, {0x17, 8}, {0x28, 8},
		{0x29, 8}, {0x2a, 8}, {0x2b, 8}, {0x2c, 8}, {0x2d, 8}, {0x04, 8}, {0x05, 8}, {0x0a, 8},
		{0x0b, 8}, {0x52, 8}, {0x53, 8}, {0x54, 8}, {0x55, 8}, {0x24, 8}, {0x25, 8}, {0x58, 8},
		{0x59, 8}, {0x5a, 8}, {0x5b, 8}, {0x4a, 8}, {0x4b, 8}, {0x32, 8}, {0x33, 8}, {0x34, 8},
	}
	blackRuns = [64]code{
		{0x37, 10}, {0x02, 3}, {0x03, 2}, {0x02, 2}, {0x03, 3}, {0x03, 4}, {0x02, 4}, {0x03, 5},
		{0x05, 6}, {0x04, 6}, {0x04, 7}, {0x05, 7}, {0x07, 7}, {0x04, 8}, {0x07, 8}, {0x18, 9},
		{0x17, 10}, {0x18, 10}, {0x08, 10}, {0x67, 11}, {0x68, 11}, {0x6c, 11}, {0x37, 11}, {0x28, 11},
		{0x17, 11}, {0x18, 11}, {0xca, 12}, {0xcb, 12}, {0xcc, 12}, {0xcd, 12}, {0x68, 12}, {0x69, 12},
		{0x6a, 12}, {0x6b, 12}, {0xd2, 12}, {0xd3, 12}, {0xd4, 12}, {0xd5, 12}, {0xd6, 12}, {0xd7, 12},
		{0x6c, 12}, {0x6d, 12}, {0xda, 12}, {0xdb, 12}, {0x54, 12}, {0x55, 12}, {0x56, 12}, {0x57, 12},
		{0x64, 12}, {0x65, 12}, {0x52, 12}, {0x53, 12}, {0x24, 12}, {0x37, 12}, {0x38, 12}, {0x27, 12},
		{0x28, 12}, {0x58, 12}, {0x59, 12}, {0x2b, 12}, {0x2c, 12}, {0x5a, 12}, {0x66, 12}, {0x67, 12},
	}
	whiteLong = [27]code{
		{0x1b, 5}, {0x12, 5}, {0x17, 6}, {0x37, 7}, {0x36, 8}, {0x37, 8}, {0x64, 8}, {0x65, 8}, {0x68, 8},
		{0x67, 8}, {0xcc, 9}, {0xcd, 9}, {0xd2, 9}, {0xd3, 9}, {0xd4, 9}, {0xd5, 9}, {0xd6, 9}, {0xd7, 9},
		{0xd8, 9}, {0xd9, 9}, {0xda, 9}, {0xdb, 9}, {0x98, 9}, {0x99, 9}, {0x9a, 9}, {0x18, 6}, {0x9b, 9},
	}
	blackLong = [27]code{
		{0x0f, 10}, {0xc8, 12}, {0xc9, 12}, {0x5b, 12}, {0x33, 12}, {0x34, 12}, {0x35, 12}, {0x6c, 13}, {0x6d, 13},
		{0x4a, 13}, {0x4b, 13}, {0x4c, 13}, {0x4d, 13}, {0x72, 13}, {0x73, 13}, {0x74, 13}, {0x75, 13}, {0x76, 13},
		{0x77, 13}, {0x52, 13}, {0x53, 13}, {0x54, 13}, {0x55, 13}, {0x5a, 13}, {0x5b, 13}, {0x64, 13}, {0x65, 13},
	}
	longest = [13]code{
		{0x08, 11}, {0x0c, 11}, {0x0d, 11}, {0x12, 12}, {0x13, 12}, {0x14, 12}, {0x15, 12},
		{0x16, 12}, {0x17, 12}, {0x1c, 12}, {0x1d, 12}, {0x1e, 12}, {0x1f, 12},
	}
	// vertical is indexed by a1-b1+3 (T.6, table 1).
	vertical = [7]code{{0x02, 7}, {0x02, 6}, {0x02, 3}, {0x01, 1}, {0x03, 3}, {0x03, 6}, {0x03, 7}}
)

var (
	passMode       = code{0x01, 4}
	horizontalMode = code{0x01, 3}
	endOfLine      = code{0x01, 12} // two of them end the block
)

// packG4 packs a picture of black (0) and white (255) pixels as CCITT Group 4
// (ITU-T T.6): each row by where it changes, against the row above.
func packG4(m *image.Gray) []byte {
	width, height := m.Rect.Dx(), m.Rect.Dy()
	var b bitWriter
	above, row := []int{width, width}, make([]int, 0, 64)
	for y := range height {
		row = changes(row[:0], m.Pix[y*m.Stride:y*m.Stride+width])
		b.row(above, row, width)
		above, row = row, above
	}
	b.put(endOfLine)
	b.put(endOfLine)
	return b.bytes()
}

// changes lists where a row changes colour, from white at its beginning, and
// its end twice.
func changes(out []int, pixels []byte) []int {
	last := byte(255)
	for x, v := range pixels {
		if v != last {
			out = append(out, x)
			last = v
		}
	}
	return append(out, len(pixels), len(pixels))
}

// row writes one row. Changes at even places of a list are to black.
func (b *bitWriter) row(above, row []int, width int) {
	a0, color := -1, 0
	ai, bi := 0, 0
	for a0 < width {
		ai = after(row, ai, a0, color)
		bi = after(above, bi, a0, color)
		a1, b1 := row[ai], above[bi]
		b2 := above[min(bi+1, len(above)-1)]
		switch {
		case b2 < a1:
			b.put(passMode)
			a0 = b2
		case a1-b1 >= -3 && a1-b1 <= 3:
			b.put(vertical[a1-b1+3])
			a0, color = a1, 1-color
		default:
			a2 := row[min(ai+1, len(row)-1)]
			b.put(horizontalMode)
			b.run(color, a1-max(a0, 0))
			b.run(1-color, a2-a1)
			a0 = a2
		}
	}
}

// after finds the first change behind a0 from the given colour to the other,
// looking from place i of the list, which it is never far behind of.
func after(list []int, i, a0, color int) int {
	for i > 0 && list[i-1] > a0 {
		i--
	}
	for i < len(list)-1 && (list[i] <= a0 || i&1 != color) {
		i++
	}
	return i
}

// bitWriter gathers codes.
type bitWriter struct {
	out  []byte
	hold uint32
	n    uint8
}

func (b *bitWriter) put(c code) {
	b.hold = b.hold<<c.n | uint32(c.bits)
	b.n += c.n
	for b.n >= 8 {
		b.n -= 8
		b.out = append(b.out, byte(b.hold>>b.n))
	}
}

// run writes a run of one colour, 0 white.
func (b *bitWriter) run(color, length int) {
	for ; length >= 2560+64; length -= 2560 {
		b.put(longest[12])
	}
	if length >= 1792 {
		k := min((length-1792)/64, 12)
		b.put(longest[k])
		length -= 1792 + 64*k
	}
	short, long := &whiteRuns, &whiteLong
	if color == 1 {
		short, long = &blackRuns, &blackLong
	}
	if length >= 64 {
		b.put(long[length/64-1])
		length %= 64
	}
	b.put(short[length])
}

func (b *bitWriter) bytes() []byte {
	if b.n > 0 {
		b.out = append(b.out, byte(b.hold<<(8-b.n)))
	}
	return b.out
}
