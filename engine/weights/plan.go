package weights

import (
	"strings"

	"palimpsest.dev/engine/kernel"
)

// Loader asks a checkpoint for every matrix and vector of a model, as the packages of the model's halves do. The
// matrices it gets may be nil: it must not look at them.
type Loader func(c *Checkpoint) error

// Entry is one matrix or vector of a model.
type Entry struct {
	Name  string // of a matrix of several parts: their names, joined by "+"
	Parts []Part // of a matrix; nil for a vector
	Rows  int    // outputs of a matrix, numbers of a vector
	Cols  int    // inputs of a matrix, 1 for a vector
}

// Numbers is how many numbers the entry has.
func (e Entry) Numbers() int64 { return int64(e.Rows) * int64(e.Cols) }

// Plan lists what a model of that configuration is made of, in the order load asks for it. Nothing is read.
func Plan(config Config, load Loader) ([]Entry, error) {
	p := &plan{}
	err := load(&Checkpoint{Config: config, from: p})
	return p.entries, err
}

// plan is a source that only writes down what is asked of it.
type plan struct{ entries []Entry }

func (p *plan) matrix(k int, parts []Part) (*kernel.Matrix, error) {
	p.entries = append(p.entries, matrixEntry(k, parts))
	return nil, nil
}

func (p *plan) vector(name string, n int) ([]float32, error) {
	p.entries = append(p.entries, Entry{Name: name, Rows: n, Cols: 1})
	return make([]float32, n), nil
}

func (p *plan) parameters() int64 { return 0 }

// matrixEntry describes a matrix of k inputs.
func matrixEntry(k int, parts []Part) Entry {
	e := Entry{Parts: parts, Cols: k}
	var names []string
	for _, p := range parts {
		e.Rows += p.N
		names = append(names, p.Name)
	}
	e.Name = strings.Join(names, "+")
	return e
}

// FormatOf is the format that an entry has in a model packed in format f. Vectors, which are norms, biases and
// positions, stay float32. The patch embedding, a thousandth of the vision tower, stays bfloat16. In int4 the tower
// and the projector have 8 bits: they are computed once per page, at the speed of 8 bits either way, and everything
// read afterwards hangs on them.
func FormatOf(f kernel.Format, e Entry) kernel.Format {
	vision := strings.HasPrefix(e.Name, "vision_tower.") || strings.HasPrefix(e.Name, "multi_modal_projector.")
	switch {
	case e.Parts == nil:
		return kernel.Float32Format
	case f == kernel.Float32Format || f == kernel.BFloat16Format:
		return f
	case strings.HasPrefix(e.Name, "vision_tower.embeddings."):
		return kernel.BFloat16Format
	case f == kernel.Int4Format && vision:
		return kernel.Int8Format
	}
	return f
}
