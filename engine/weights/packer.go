package weights

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"os"
	"path/filepath"
	"unsafe"

	"palimpsest.dev/engine/kernel"
)

// packRows is how many outputs are turned into another format at a time: a multiple of what the kernels keep
// together. It bounds the memory of packing; a whole tensor is never held.
const packRows = 64

// carried are the files of a model's folder that a packed model's folder has too: what the engine, the tasks and a
// reader want to know besides the weights.
var carried = []string{"config.json", "tokenizer.json", "tokenizer.model", "generation_config.json", "preprocessor_config.json",
	"special_tokens_map.json", "tokenizer_config.json", "palimpsest.json", "README.md"}

// maxCarried bounds the bytes of one of them; the largest published one, tokenizer.json, has 35 million.
const maxCarried = 256 << 20

// Pack writes the checkpoint c in format f to the folder dir, which is made: the packed weights, and the small files
// of c's folder as they are. load says what the model consists of; run spreads the work, nil computes on the caller.
// The packed file appears under its name once it is complete. Made-up weights, which have no folder, are written in the format
// they are in, alone.
func Pack(c *Checkpoint, dir string, f kernel.Format, load Loader, run kernel.Runner) error {
	if _, already := c.from.(*packed); already {
		return fmt.Errorf("weights: %s is packed already; pack the published files", c.dir)
	}
	if _, err := kernel.FormatSizes(f, 1, 1); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	for _, name := range []string{PackedName, singleName, indexName} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return fmt.Errorf("weights: %s holds %s already; name another folder or remove it", dir, name)
		}
	}
	if c.from == nil {
		if err := carry(c.dir, dir); err != nil {
			return fmt.Errorf("weights: %w", err)
		}
	}
	out, err := os.CreateTemp(dir, PackedName+".*")
	if err != nil {
		return fmt.Errorf("weights: %w", err)
	}
	w := &packer{c: c, format: f, run: run, out: bufio.NewWriterSize(out, 1<<20), index: packedIndex{Weights: f}}
	if err := w.write(out, load); err != nil {
		return errors.Join(fmt.Errorf("weights: packing %s: %w", c.dir, err), out.Close(), os.Remove(out.Name()))
	}
	if err := errors.Join(out.Chmod(0o644), out.Close()); err != nil {
		return errors.Join(fmt.Errorf("weights: %w", err), os.Remove(out.Name()))
	}
	return os.Rename(out.Name(), filepath.Join(dir, PackedName))
}

// carry copies the small files.
func carry(from, to string) error {
	for _, name := range carried {
		data, err := readSmall(filepath.Join(from, name))
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o666); err != nil {
			return err
		}
	}
	return nil
}

func readSmall(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxCarried {
		return nil, fmt.Errorf("%s has %d bytes, the limit is %d", path, info.Size(), maxCarried)
	}
	return os.ReadFile(path)
}

// packer is a source that writes what is asked of it to a packed file.
type packer struct {
	c      *Checkpoint
	format kernel.Format
	run    kernel.Runner
	out    *bufio.Writer
	at     int64
	sum    hash.Hash // of the tensor being written
	index  packedIndex
}

// write writes the whole file: room for the header, the tensors as the loader asks for them, the index, and the
// header last, so that a file cut short has none.
func (w *packer) write(file *os.File, load Loader) error {
	w.sum = sha256.New()
	if err := w.put(make([]byte, packedHeader)); err != nil {
		return err
	}
	if err := load(&Checkpoint{Config: w.c.Config, dir: w.c.dir, from: w}); err != nil {
		return err
	}
	text, err := json.Marshal(w.index)
	if err != nil {
		return err
	}
	header := make([]byte, packedHeader)
	copy(header, packedMagic)
	binary.LittleEndian.PutUint32(header[8:], packedVersion)
	binary.LittleEndian.PutUint64(header[16:], uint64(w.at))
	binary.LittleEndian.PutUint64(header[24:], uint64(len(text)))
	binary.LittleEndian.PutUint64(header[32:], uint64(w.at)+uint64(len(text)))
	sum := sha256.Sum256(text)
	copy(header[40:], sum[:])
	if err := errors.Join(w.put(text), w.out.Flush(), file.Sync()); err != nil {
		return err
	}
	if _, err := file.WriteAt(header, 0); err != nil {
		return err
	}
	return file.Sync()
}

// put appends bytes.
func (w *packer) put(data []byte) error {
	n, err := io.MultiWriter(w.out, w.sum).Write(data)
	w.at += int64(n)
	return err
}

// align appends zeros up to the next place where a part may begin.
func (w *packer) align() error { return w.put(make([]byte, alignUp(w.at)-w.at)) }

// begin and end frame the bytes of one tensor.
func (w *packer) begin(e Entry, kind string, f kernel.Format) packedTensor {
	w.sum.Reset()
	return packedTensor{Name: e.Name, Kind: kind, Format: f, Rows: e.Rows, Cols: e.Cols, Offset: w.at}
}

func (w *packer) end(t packedTensor) error {
	t.SHA256 = hex.EncodeToString(w.sum.Sum(nil))
	w.index.Tensors = append(w.index.Tensors, t)
	w.index.Parameters += int64(t.Rows) * int64(t.Cols)
	return w.align()
}

func (w *packer) parameters() int64 { return w.index.Parameters }

func (w *packer) vector(name string, n int) ([]float32, error) {
	values, err := w.numbers(name, n)
	if err != nil {
		return nil, err
	}
	if i := notFinite(values); i >= 0 {
		return nil, fmt.Errorf("tensor %q: number %d is %v", name, i, values[i])
	}
	line := w.begin(Entry{Name: name, Rows: n, Cols: 1}, kindVector, kernel.Float32Format)
	if err := errors.Join(w.put(floatBytes(values)), w.end(line)); err != nil {
		return nil, err
	}
	return values, nil
}

// numbers is a vector of the checkpoint.
func (w *packer) numbers(name string, n int) ([]float32, error) {
	if w.c.from != nil {
		return w.c.from.vector(name, n)
	}
	t, ok := w.c.tensors[name]
	if !ok || t.Len() != n {
		return nil, fmt.Errorf("tensor %q with %d numbers is missing; the files do not fit config.json", name, n)
	}
	return t.Float32s()
}

// stored writes a matrix as it is.
func (w *packer) stored(k int, parts []Part) error {
	m, err := w.c.from.matrix(k, parts)
	if err != nil {
		return err
	}
	line := w.begin(matrixEntry(k, parts), kindMatrix, m.Format())
	codes, steps, scales := m.Parts()
	return errors.Join(w.put(codes), w.align(), w.put(stepBytes(steps)), w.align(), w.put(floatBytes(scales)), w.end(line))
}

func (w *packer) matrix(k int, parts []Part) (*kernel.Matrix, error) {
	if w.c.from != nil {
		return nil, w.stored(k, parts)
	}
	tensors, rows, err := w.c.parts(k, parts)
	if err != nil {
		return nil, err
	}
	e := matrixEntry(k, parts)
	f := FormatOf(w.format, e)
	line := w.begin(e, kindMatrix, f)
	batch := make([]*kernel.Matrix, 32) // groups packed side by side
	failed := make([]error, len(batch))
	var steps, scales []byte
	for first := 0; first < rows; first += len(batch) * packRows {
		groups := min(len(batch), (rows-first+packRows-1)/packRows)
		one := func(i int) {
			from := first + i*packRows
			batch[i], failed[i] = packGroup(tensors, f, k, from, min(from+packRows, rows))
		}
		if w.run == nil {
			for i := range groups {
				one(i)
			}
		} else {
			w.run.Run(groups, one)
		}
		if err := errors.Join(failed[:groups]...); err != nil {
			return nil, err
		}
		for _, m := range batch[:groups] {
			codes, s, f := m.Parts()
			if err := w.put(codes); err != nil {
				return nil, err
			}
			steps = append(steps, stepBytes(s)...)
			scales = append(scales, floatBytes(f)...)
		}
	}
	return nil, errors.Join(w.align(), w.put(steps), w.align(), w.put(scales), w.end(line))
}

// packGroup packs the outputs [from,to) of the stacked tensors.
func packGroup(tensors []Tensor, f kernel.Format, k, from, to int) (*kernel.Matrix, error) {
	rows := make([]float32, (to-from)*k)
	top := 0 // first output of the tensor
	for _, t := range tensors {
		n := t.Shape[0]
		a, b := max(from, top), min(to, top+n)
		if a < b {
			part := rows[(a-from)*k : (b-from)*k]
			if err := t.read(part, (a-top)*k); err != nil {
				return nil, err
			}
			if i := notFinite(part); i >= 0 {
				return nil, fmt.Errorf("tensor %q: weight %d of output %d is %v", t.Name, i%k, a-top+i/k, part[i])
			}
		}
		top += n
	}
	return kernel.Pack(f, rows, to-from, k)
}

// notFinite is where the first infinity or NaN stands, -1 if nowhere.
func notFinite(x []float32) int {
	for i, v := range x {
		if math.IsInf(float64(v), 0) || v != v {
			return i
		}
	}
	return -1
}

// floatBytes is the memory of x. Packing writes it as it lies, low byte first on the machines that open packed files.
func floatBytes(x []float32) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x)*4)
}

// stepBytes likewise.
func stepBytes(x []int8) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(x))), len(x))
}
