package web

import (
	"bytes"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"io"
)

// maxShrunkBytes and maxShrunkPixels bound what is decoded to make a smaller picture.
// Larger pages are sent as they are.
const (
	maxShrunkBytes  = 256 << 20
	maxShrunkPixels = 120_000_000
)

// shrink makes a PNG of the given width, smaller than the picture's own, from a stored
// page.
func shrink(r io.Reader, width int) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxShrunkBytes))
	if err != nil {
		return nil, err
	}
	head, err := png.DecodeConfig(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	if head.Width*head.Height > maxShrunkPixels || width >= head.Width {
		return nil, fmt.Errorf("%d x %d pixels cannot be shrunk to a width of %d", head.Width, head.Height, width)
	}
	src, err := png.Decode(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	height := max(1, head.Height*width/head.Width)
	var small image.Image
	if grey, ok := src.(*image.Gray); ok {
		dst := image.NewGray(image.Rect(0, 0, width, height))
		average(dst.Pix, width, height, grey.Pix, grey.Stride, head.Width, head.Height, 1)
		small = dst
	} else {
		full := image.NewRGBA(image.Rect(0, 0, head.Width, head.Height))
		draw.Draw(full, full.Rect, src, src.Bounds().Min, draw.Src)
		dst := image.NewRGBA(image.Rect(0, 0, width, height))
		average(dst.Pix, width, height, full.Pix, full.Stride, head.Width, head.Height, 4)
		small = dst
	}
	var out bytes.Buffer
	err = (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, small)
	return out.Bytes(), err
}

// share says how much of a source row or column falls to each of two neighbours of the
// smaller picture.
type share struct {
	at            int
	first, second float32
}

// shares divides n source places over m < n smaller ones.
func shares(n, m int) []share {
	out := make([]share, n)
	scale := float64(m) / float64(n)
	for i := range out {
		from, to := float64(i)*scale, float64(i+1)*scale
		at := min(int(from), m-1)
		over := max(0, to-float64(at+1))
		if at == m-1 {
			over = 0
		}
		out[i] = share{at, float32((to - from - over)), float32(over)}
	}
	return out
}

// average makes every pixel the mean of the area it covers, which keeps thin letters
// visible; each source pixel is touched once.
func average(dst []byte, w, h int, src []byte, stride, sw, sh, channels int) {
	columns, rows := shares(sw, w), shares(sh, h)
	line := make([]float32, w*channels)
	// Two rows of the result are open at a time.
	sum := make([]float32, 2*w*channels)
	current, next := sum[:w*channels], sum[w*channels:]
	flush := func(y int) {
		for i, v := range current {
			dst[y*w*channels+i] = byte(min(255, v+0.5))
		}
		current, next = next, current
		clear(next)
	}
	at := 0
	for y := range sh {
		clear(line)
		row := src[y*stride:]
		for x, c := range columns {
			for k := range channels {
				v := float32(row[x*channels+k])
				line[c.at*channels+k] += v * c.first
				if c.second > 0 {
					line[(c.at+1)*channels+k] += v * c.second
				}
			}
		}
		r := rows[y]
		if r.at != at {
			flush(at)
			at = r.at
		}
		for i, v := range line {
			current[i] += v * r.first
			next[i] += v * r.second
		}
	}
	flush(at)
}
