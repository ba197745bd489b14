// Package masks turns the sixteen codes that PaliGemma writes for a thing into the mask they stand for. The codes
// number entries of a codebook, 4 x 4 of which a small network grows to 64 x 64. It is the decoder of a discrete
// autoencoder (Ning and others 2023) in the form that big_vision's segmentation evaluator gives it, and its weights
// are published apart from the checkpoints, as vae-oid.npz; who wants masks puts that file into the checkpoint's
// folder. Here is no arithmetic worth an assembly kernel: a mask takes some forty million multiplications.
package masks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// File is the published file of weights, looked for in a checkpoint's folder.
const File = "vae-oid.npz"

const (
	Codes   = 16  // of a mask, row by row of a square of 4 x 4
	Entries = 128 // of the codebook: a code is 0 to 127
	Side    = 64  // of a mask

	grid  = 4   // side of the square of codes
	depth = 512 // numbers of an entry
)

// ErrCodes is wrapped where codes are not those of a mask.
var ErrCodes = errors.New("masks: want 16 codes of 0 to 127")

// Mask is what codes stand for, row by row from the top: above zero where the thing is. Trained values lie about
// between -1 and 1.
type Mask [Side * Side]float32

// Decoder holds the network. It may be used by several goroutines at once.
type Decoder struct {
	codebook []float32 // Entries x depth
	layers   []layer
}

// layer is a convolution or, transposed, the gradient of one, which makes its input larger.
type layer struct {
	name       string // of its arrays in the file
	in, out    int    // channels
	kernel     int    // side of the kernel
	stride     int    // rows and columns of output for one of input
	pad        int    // rows and columns that are cut off, or were put, at each edge
	transposed bool
	relu       bool // what is below zero becomes zero behind it
	begins     bool // a residual block: what comes in is kept
	ends       bool // and added to what comes out here

	weights []float32 // by place in the kernel, input channel and output channel
	bias    []float32
}

// shape is that of the weights in the file, as PyTorch lays them out.
func (l *layer) shape() []int {
	if l.transposed {
		return []int{l.in, l.out, l.kernel, l.kernel}
	}
	return []int{l.out, l.in, l.kernel, l.kernel}
}

// network are the layers without their weights.
func network() []layer {
	layers := []layer{{name: "decoder.0", in: depth, out: 128, kernel: 1, stride: 1, relu: true}}
	for _, block := range []string{"decoder.2.net", "decoder.3.net"} {
		layers = append(layers,
			layer{name: block + ".0", in: 128, out: 128, kernel: 3, stride: 1, pad: 1, relu: true, begins: true},
			layer{name: block + ".2", in: 128, out: 128, kernel: 3, stride: 1, pad: 1, relu: true},
			layer{name: block + ".4", in: 128, out: 128, kernel: 1, stride: 1, ends: true})
	}
	in := 128
	for n, out := range []int{128, 64, 32, 16} {
		layers = append(layers, layer{name: fmt.Sprintf("decoder.%d", 4+2*n), in: in, out: out, kernel: 4, stride: 2, pad: 1, transposed: true, relu: true})
		in = out
	}
	return append(layers, layer{name: "decoder.12", in: in, out: 1, kernel: 1, stride: 1})
}

// codebookName is the codebook's in the file.
const codebookName = "_vq_vae._embedding"

// Open reads the decoder from a checkpoint's folder. The error wraps fs.ErrNotExist where the checkpoint brings none,
// and ErrFile where the file is another than the published one.
func Open(dir string) (*Decoder, error) {
	path := filepath.Join(dir, File)
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("masks: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("masks: %w", err)
	}
	d := &Decoder{layers: network()}
	want := map[string][]int{codebookName: {Entries, depth}}
	for i := range d.layers {
		l := &d.layers[i]
		want[l.name+".weight"], want[l.name+".bias"] = l.shape(), []int{l.out}
	}
	arrays, err := readArrays(f, info.Size(), want)
	if err != nil {
		return nil, fmt.Errorf("masks: %s: %w", path, err)
	}
	d.codebook = arrays[codebookName]
	for i := range d.layers {
		l := &d.layers[i]
		l.bias = arrays[l.name+".bias"]
		l.lay(arrays[l.name+".weight"])
	}
	return d, nil
}

// lay puts the weights of the file in the order in which they are used: output channels side by side.
func (l *layer) lay(w []float32) {
	l.weights = make([]float32, len(w))
	places := l.kernel * l.kernel
	for n, v := range w {
		place, channels := n%places, n/places
		i, o := channels%l.in, channels/l.in
		if l.transposed {
			i, o = channels/l.out, channels%l.out
		}
		l.weights[(place*l.in+i)*l.out+o] = v
	}
}

// Decode gives the mask of sixteen codes. The error wraps ErrCodes.
func (d *Decoder) Decode(codes []int) (*Mask, error) {
	if len(codes) != Codes {
		return nil, fmt.Errorf("%w, not %d codes", ErrCodes, len(codes))
	}
	x := make([]float32, 0, Codes*depth)
	for _, c := range codes {
		if c < 0 || c >= Entries {
			return nil, fmt.Errorf("%w, not %d", ErrCodes, c)
		}
		x = append(x, d.codebook[c*depth:(c+1)*depth]...)
	}
	side := grid
	var kept []float32
	for i := range d.layers {
		l := &d.layers[i]
		if l.begins {
			kept = x
		}
		x, side = l.apply(x, side)
		if l.ends {
			for n, v := range kept {
				x[n] += v
			}
		}
	}
	return (*Mask)(x), nil
}

// apply runs the layer over a square of pixels, each its channels side by side. Every input pixel is added to the
// outputs that it reaches, which is the same loop for both kinds of convolution.
func (l *layer) apply(x []float32, side int) (out []float32, outSide int) {
	outSide = side * l.stride
	out = make([]float32, outSide*outSide*l.out)
	for p := 0; p < len(out); p += l.out {
		copy(out[p:], l.bias)
	}
	for n := range side * side {
		pixel := x[n*l.in:][:l.in]
		for place := range l.kernel * l.kernel {
			dy, dx := place/l.kernel-l.pad, place%l.kernel-l.pad
			if !l.transposed {
				dy, dx = -dy, -dx
			}
			oy, ox := n/side*l.stride+dy, n%side*l.stride+dx
			if oy < 0 || oy >= outSide || ox < 0 || ox >= outSide {
				continue
			}
			to := out[(oy*outSide+ox)*l.out:][:l.out]
			weights := l.weights[place*l.in*l.out:]
			for i, v := range pixel {
				if v == 0 {
					continue // half of them are, behind a rectifier
				}
				for o, w := range weights[i*l.out:][:len(to)] {
					to[o] += v * w
				}
			}
		}
	}
	if l.relu {
		for n, v := range out {
			out[n] = max(v, 0)
		}
	}
	return out, outSide
}
