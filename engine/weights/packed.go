package weights

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"unsafe"

	"palimpsest.dev/engine/kernel"
)

// PackedName is the name of the packed weights in a model's folder. FORMAT.md beside this package's parent
// describes the file byte by byte.
const PackedName = "model.palimpsest"

// The fixed part of a packed file.
const (
	packedMagic   = "PLMPSST\n"
	packedVersion = 1
	packedHeader  = 128 // bytes
	packedAlign   = 64  // every part of a tensor begins at a multiple of it
)

// packedIndex is the JSON at the end of a packed file.
type packedIndex struct {
	Weights    kernel.Format  `json:"weights"`    // the format asked for; single tensors may have a wider one
	Parameters int64          `json:"parameters"` // numbers in all tensors
	Tensors    []packedTensor `json:"tensors"`    // in the order of their data
}

// packedTensor is one line of the index.
type packedTensor struct {
	Name   string        `json:"name"`
	Kind   string        `json:"kind"` // "matrix" or "vector"
	Format kernel.Format `json:"format"`
	Rows   int           `json:"rows"` // outputs of a matrix, numbers of a vector
	Cols   int           `json:"cols"` // inputs of a matrix, 1 for a vector
	Offset int64         `json:"offset"`
	SHA256 string        `json:"sha256"` // of the tensor's bytes, the padding between its parts included
}

// The kinds of tensors.
const (
	kindMatrix = "matrix"
	kindVector = "vector"
)

// extent is where the parts of a tensor lie in the file.
type extent struct{ codes, steps, scales, end int64 }

// extent computes it from shape and format, which it checks.
func (t packedTensor) extent() (extent, error) {
	if t.Kind == kindVector {
		if t.Format != kernel.Float32Format || t.Cols != 1 || t.Rows < 1 || t.Rows > math.MaxInt32 {
			return extent{}, fmt.Errorf("a vector of %d x %d in %q", t.Rows, t.Cols, t.Format)
		}
		end := t.Offset + int64(t.Rows)*4
		return extent{t.Offset, end, end, end}, nil
	}
	if t.Kind != kindMatrix {
		return extent{}, fmt.Errorf("kind %q", t.Kind)
	}
	sizes, err := kernel.FormatSizes(t.Format, t.Rows, t.Cols)
	if err != nil {
		return extent{}, err
	}
	e := extent{codes: t.Offset}
	e.steps = e.codes + alignUp(sizes.Codes)
	e.scales = e.steps + alignUp(sizes.Steps)
	e.end = e.scales + sizes.Scales
	return e, nil
}

func alignUp(n int64) int64 { return (n + packedAlign - 1) / packedAlign * packedAlign }

// parsePacked reads header and index of a packed file that lies in memory as a whole, and checks every number in
// them, so that no tensor lies outside the file or over another. It does not look at the tensors' data: Verify does.
func parsePacked(file []byte) (packedIndex, [32]byte, error) {
	var index packedIndex
	var sum [32]byte
	if len(file) < packedHeader || string(file[:8]) != packedMagic {
		return index, sum, errors.New("no packed model: it does not begin with the format's mark; `palimpsest models pack` was interrupted, or wrote another file")
	}
	if v := binary.LittleEndian.Uint32(file[8:]); v != packedVersion {
		return index, sum, fmt.Errorf("packed in version %d of the format, this program reads version %d; pack the model again", v, packedVersion)
	}
	at, n, size := binary.LittleEndian.Uint64(file[16:]), binary.LittleEndian.Uint64(file[24:]), binary.LittleEndian.Uint64(file[32:])
	switch {
	case size != uint64(len(file)):
		return index, sum, fmt.Errorf("%d bytes, the header says %d; the copy is incomplete", len(file), size)
	case n > maxHeader || at < packedHeader || at > size || n != size-at:
		return index, sum, fmt.Errorf("an index of %d bytes at byte %d of %d: it must end the file and have at most %d", n, at, size, maxHeader)
	case !allZero(file[12:16]) || !allZero(file[72:packedHeader]):
		return index, sum, errors.New("the unused bytes of the header are not zero")
	}
	text := file[at:]
	sum = sha256.Sum256(text)
	if !bytes.Equal(sum[:], file[40:72]) {
		return index, sum, fmt.Errorf("the index at byte %d has another checksum than the header says; the file is damaged", at)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&index); err != nil {
		return index, sum, fmt.Errorf("index at byte %d: %w", at, err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return index, sum, fmt.Errorf("index at byte %d: text behind it", at)
	}
	return index, sum, index.check(int64(at))
}

func allZero(data []byte) bool {
	for _, b := range data {
		if b != 0 {
			return false
		}
	}
	return true
}

// check looks at every tensor of an index whose data end at byte end.
func (p *packedIndex) check(end int64) error {
	if len(p.Tensors) == 0 || len(p.Tensors) > maxTensors {
		return fmt.Errorf("%d tensors, 1 to %d expected", len(p.Tensors), maxTensors)
	}
	names, next := map[string]bool{}, int64(packedHeader)
	for _, t := range p.Tensors {
		where := fmt.Sprintf("tensor %.100q at byte %d", t.Name, t.Offset)
		if len(t.Name) == 0 || len(t.Name) > maxName || names[t.Name] {
			return fmt.Errorf("%s: its name is empty, has more than %d bytes, or is there twice", where, maxName)
		}
		names[t.Name] = true
		if t.Offset != next {
			return fmt.Errorf("%s: it should begin at byte %d; tensors overlap or leave a hole", where, next)
		}
		e, err := t.extent()
		if err != nil {
			return fmt.Errorf("%s: %w", where, err)
		}
		if e.end < t.Offset || e.end > end {
			return fmt.Errorf("%s: it needs the bytes up to %d, the data end at %d", where, e.end, end)
		}
		if sum, err := hex.DecodeString(t.SHA256); err != nil || len(sum) != sha256.Size {
			return fmt.Errorf("%s: %.100q is no checksum", where, t.SHA256)
		}
		next = alignUp(e.end)
	}
	if next != end {
		return fmt.Errorf("the tensors end at byte %d, the index begins at %d", next, end)
	}
	return nil
}

// packed is an open packed file.
type packed struct {
	path    string
	file    []byte // mapped
	index   packedIndex
	sum     [32]byte // of the index
	tensors map[string]packedTensor
}

// openPacked opens the folder's packed file, if it has one.
func (c *Checkpoint) openPacked() (found bool, err error) {
	path := filepath.Join(c.dir, PackedName)
	if _, err := os.Stat(path); err != nil {
		return false, nil // what lies beside is looked for then
	}
	for _, other := range []string{singleName, indexName} {
		if _, err := os.Stat(filepath.Join(c.dir, other)); err == nil {
			return true, fmt.Errorf("%s holds both %s and %s; remove the one that is not to be used", c.dir, PackedName, other)
		}
	}
	p, unmap, err := openPackedFile(path)
	if err != nil {
		return true, err
	}
	c.unmap = append(c.unmap, unmap)
	c.from = p
	return true, nil
}

// openPackedFile maps a packed file and reads its index.
func openPackedFile(path string) (*packed, func() error, error) {
	if binary.NativeEndian.Uint16([]byte{1, 0}) != 1 {
		return nil, nil, fmt.Errorf("%s: packed files are used as they lie, low byte first, which this machine does not do; use the published files", path)
	}
	file, unmap, err := mapFile(path)
	if err != nil {
		return nil, nil, err
	}
	p := &packed{path: path, file: file, tensors: map[string]packedTensor{}}
	if p.index, p.sum, err = parsePacked(file); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", path, err), unmap())
	}
	for _, t := range p.index.Tensors {
		p.tensors[t.Name] = t
	}
	return p, unmap, nil
}

// Packed says whether the checkpoint is a packed file, and which format was asked for when it was packed. Its
// matrices then lie in the mapped file: the checkpoint must stay open while they are used. Made-up weights count as packed.
func (c *Checkpoint) Packed() (kernel.Format, bool) {
	switch s := c.from.(type) {
	case *packed:
		return s.index.Weights, true
	case *random:
		return s.format, true
	case *drawn:
		if s.Noisy {
			return kernel.Float32Format, true
		}
		return s.Format, true
	}
	return "", false
}

func (p *packed) parameters() int64 { return p.index.Parameters }

// find returns a tensor, which must have that kind and shape.
func (p *packed) find(name, kind string, rows, cols int) (packedTensor, extent, error) {
	t, ok := p.tensors[name]
	if !ok {
		return t, extent{}, fmt.Errorf("weights: %s has no tensor %q; the file does not fit config.json", p.path, name)
	}
	if t.Kind != kind || t.Rows != rows || t.Cols != cols {
		return t, extent{}, fmt.Errorf("weights: %s: tensor %q at byte %d is a %s of %d x %d, config.json wants a %s of %d x %d",
			p.path, name, t.Offset, t.Kind, t.Rows, t.Cols, kind, rows, cols)
	}
	e, err := t.extent()
	return t, e, err
}

func (p *packed) matrix(k int, parts []Part) (*kernel.Matrix, error) {
	want := matrixEntry(k, parts)
	t, e, err := p.find(want.Name, kindMatrix, want.Rows, want.Cols)
	if err != nil {
		return nil, err
	}
	m, err := p.stored(t, e)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: tensor %q at byte %d: %w", p.path, t.Name, t.Offset, err)
	}
	return m, nil
}

// stored is a matrix over the mapped file.
func (p *packed) stored(t packedTensor, e extent) (*kernel.Matrix, error) {
	sizes, err := kernel.FormatSizes(t.Format, t.Rows, t.Cols)
	if err != nil {
		return nil, err
	}
	scales := floatsAt(p.file[e.scales : e.scales+sizes.Scales])
	for i, s := range scales {
		if !(s >= 0) || math.IsInf(float64(s), 0) {
			return nil, fmt.Errorf("the scale of output %d is %v; the file is damaged", i, s)
		}
	}
	steps := p.file[e.steps : e.steps+sizes.Steps]
	return kernel.Stored(t.Format, t.Rows, t.Cols, p.file[e.codes:e.codes+sizes.Codes],
		unsafe.Slice((*int8)(unsafe.Pointer(unsafe.SliceData(steps))), len(steps)), scales)
}

// floatsAt is mapped memory, which begins at a multiple of four, as numbers.
func floatsAt(data []byte) []float32 {
	return unsafe.Slice((*float32)(unsafe.Pointer(unsafe.SliceData(data))), len(data)/4)
}

func (p *packed) vector(name string, n int) ([]float32, error) {
	_, e, err := p.find(name, kindVector, n, 1)
	if err != nil {
		return nil, err
	}
	return append([]float32(nil), floatsAt(p.file[e.codes:e.end])...), nil
}

// Verify reads a packed file, or that of a folder, from end to end and compares every tensor with its checksum. It
// returns what the file holds.
func Verify(path string) (tensors int, size int64, err error) {
	path = filepath.Join(Folder(path), PackedName)
	p, unmap, err := openPackedFile(path)
	if err != nil {
		return 0, 0, fmt.Errorf("weights: %w", err)
	}
	defer unmap()
	for _, t := range p.index.Tensors {
		e, err := t.extent()
		if err != nil {
			return 0, 0, err
		}
		if sum := sha256.Sum256(p.file[e.codes:e.end]); hex.EncodeToString(sum[:]) != t.SHA256 {
			return 0, 0, fmt.Errorf("weights: %s: tensor %q, bytes %d to %d, has another checksum than the index says; the file is damaged", path, t.Name, e.codes, e.end)
		}
		if !allZero(p.file[e.end:alignUp(e.end)]) {
			return 0, 0, fmt.Errorf("weights: %s: the bytes behind tensor %q at byte %d are not zero; the file is damaged", path, t.Name, e.end)
		}
		if t.Kind == kindMatrix {
			if _, err := p.stored(t, e); err != nil {
				return 0, 0, fmt.Errorf("weights: %s: tensor %q at byte %d: %w", path, t.Name, t.Offset, err)
			}
		}
	}
	return len(p.index.Tensors), int64(len(p.file)), nil
}
