// Package weights reads a PaliGemma checkpoint folder as Hugging Face publishes it: config.json with the
// fields the published files leave out, tensors in one safetensors file or in shards with an index, the
// names of every transformers version. Files are mapped into memory, so nothing is read before it is asked
// for. They come from strangers: every number in them is checked before it is used.
package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits for the headers of safetensors files and for the index of the shards.
const (
	maxHeader  = 100 << 20 // bytes of one header, the format's own limit
	maxTensors = 100_000   // tensors in one file
	maxRank    = 8         // dimensions of one tensor
	maxName    = 1_000     // bytes of a tensor's name
)

// DType is how the numbers of a tensor are stored.
type DType string

// The types the engine computes with. Tensors of other types may lie in a file but cannot be read.
const (
	F32  DType = "F32"
	BF16 DType = "BF16"
	F16  DType = "F16"
)

// widths holds the bytes of one number for every type of the format.
var widths = map[DType]int64{
	"BOOL": 1, "U8": 1, "I8": 1, "F8_E5M2": 1, "F8_E4M3": 1, "I16": 2, "U16": 2, F16: 2, BF16: 2,
	"I32": 4, "U32": 4, F32: 4, "F64": 8, "I64": 8, "U64": 8,
}

// Tensor is one tensor as it lies in a file: its numbers little-endian and row-major.
type Tensor struct {
	Name  string
	DType DType
	Shape []int
	Data  []byte // part of the mapped file: read only, valid until the checkpoint is closed

	update *update // change that an adapter makes, which reading the numbers adds
}

// Len is the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// entry is one line of a header.
type entry struct {
	DType   DType    `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// Parse reads the header of a safetensors file that lies in memory as a whole and returns its tensors in
// the order of their data. Layout: https://github.com/huggingface/safetensors#format. It refuses what the
// reference implementation refuses: data that overlaps, leaves holes or ends elsewhere than the file.
func Parse(file []byte) ([]Tensor, error) {
	if len(file) < 8 {
		return nil, fmt.Errorf("safetensors: %d bytes are too few for a header; the download is incomplete", len(file))
	}
	size := binary.LittleEndian.Uint64(file)
	if size > maxHeader {
		return nil, fmt.Errorf("safetensors: header of %d bytes passes the limit of %d; this is no safetensors file", size, maxHeader)
	}
	if size > uint64(len(file)-8) {
		return nil, fmt.Errorf("safetensors: header of %d bytes in a file of %d; the download is incomplete", size, len(file))
	}
	entries, err := parseHeader(file[8 : 8+size])
	if err != nil {
		return nil, fmt.Errorf("safetensors: header: %w", err)
	}
	data := file[8+size:]
	tensors := make([]Tensor, 0, len(entries))
	for name, e := range entries {
		t, err := e.tensor(name, data)
		if err != nil {
			return nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		tensors = append(tensors, t)
	}
	slices.SortFunc(tensors, func(a, b Tensor) int {
		x, y := entries[a.Name].Offsets, entries[b.Name].Offsets
		if x != y {
			return slices.Compare(x[:], y[:])
		}
		return strings.Compare(a.Name, b.Name)
	})
	end := int64(0)
	for _, t := range tensors {
		o := entries[t.Name].Offsets
		if o[0] != end {
			return nil, fmt.Errorf("safetensors: tensor %q begins at byte %d of the data, %d expected: tensors overlap or leave a hole", t.Name, o[0], end)
		}
		end = o[1]
	}
	if end != int64(len(data)) {
		return nil, fmt.Errorf("safetensors: the tensors end at byte %d of %d of the data", end, len(data))
	}
	return tensors, nil
}

// parseHeader decodes the JSON object of a header token by token, because a map would let the second of two
// equal names replace the first silently.
func parseHeader(text []byte) (map[string]entry, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	if first, err := dec.Token(); err != nil || first != json.Delim('{') {
		return nil, errors.New("no JSON object")
	}
	entries := map[string]entry{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name := key.(string) // inside an object the decoder yields strings before values
		if name == "__metadata__" {
			var ignored map[string]string
			if err := dec.Decode(&ignored); err != nil {
				return nil, fmt.Errorf("__metadata__: %w", err)
			}
			continue
		}
		if _, twice := entries[name]; twice {
			return nil, fmt.Errorf("tensor %q is listed twice", name)
		}
		if len(name) > maxName || len(entries) == maxTensors {
			return nil, fmt.Errorf("more than %d tensors, or a name of more than %d bytes", maxTensors, maxName)
		}
		var e entry
		if err := dec.Decode(&e); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", name, err)
		}
		entries[name] = e
	}
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("text after the JSON object")
	}
	return entries, nil
}

// tensor checks one entry against the data and cuts its bytes out.
func (e entry) tensor(name string, data []byte) (Tensor, error) {
	width, known := widths[e.DType]
	if !known {
		return Tensor{}, fmt.Errorf("unknown type %q", e.DType)
	}
	if len(e.Shape) > maxRank {
		return Tensor{}, fmt.Errorf("%d dimensions pass the limit of %d", len(e.Shape), maxRank)
	}
	from, to := e.Offsets[0], e.Offsets[1]
	if from < 0 || to < from || to > int64(len(data)) {
		return Tensor{}, fmt.Errorf("bytes %d to %d lie outside the %d bytes of data", from, to, len(data))
	}
	bytes, shape := width, make([]int, len(e.Shape))
	for i, d := range e.Shape {
		// A dimension of zero is legal and makes the tensor empty; the division keeps the product from overflowing.
		if d < 0 || d > 0 && bytes > int64(len(data))/d {
			return Tensor{}, fmt.Errorf("shape %v does not fit into %d bytes of data", e.Shape, len(data))
		}
		bytes *= d
		shape[i] = int(d)
	}
	if bytes != to-from {
		return Tensor{}, fmt.Errorf("shape %v of %s needs %d bytes, has %d", e.Shape, e.DType, bytes, to-from)
	}
	return Tensor{Name: name, DType: e.DType, Shape: shape, Data: data[from:to:to]}, nil
}
