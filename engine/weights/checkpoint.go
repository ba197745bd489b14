package weights

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"palimpsest.dev/engine/kernel"
)

// Limits for the index of a sharded checkpoint.
const (
	maxIndex  = 64 << 20 // bytes of model.safetensors.index.json
	maxShards = 1_000
)

// Checkpoint is an open checkpoint folder. It is read-only and may be used by many goroutines.
type Checkpoint struct {
	Config  Config
	dir     string
	files   []string // names of the weight files inside dir
	tensors map[string]Tensor
	from    source // where matrices and vectors come from if not from tensors as published
	unmap   []func() error
	// adapters are the folders merged by Adapt, in that order.
	adapters []string
}

// source answers for a checkpoint that is not a folder of tensors as published: a packed file, a plan.
type source interface {
	matrix(k int, parts []Part) (*kernel.Matrix, error)
	vector(name string, n int) ([]float32, error)
	parameters() int64
}

// Folder is the folder of a checkpoint that is named by its folder or by its packed file.
func Folder(path string) string {
	if filepath.Base(path) == PackedName {
		return filepath.Dir(path)
	}
	return path
}

// Open reads config.json and the headers of the weights of the checkpoint folder dir, or of the one a packed file
// lies in. Close it after the tensors have been used; the matrices of a packed file are used until the end.
func Open(dir string) (*Checkpoint, error) {
	dir = Folder(dir)
	config, err := ReadConfig(dir)
	if err != nil {
		return nil, err
	}
	return OpenAs(dir, config)
}

// OpenAs opens the weights in the folder dir as of that configuration, whatever config.json there says.
func OpenAs(dir string, config Config) (*Checkpoint, error) {
	c := &Checkpoint{Config: config, dir: dir, tensors: map[string]Tensor{}}
	if err := c.open(); err != nil {
		return nil, errors.Join(fmt.Errorf("weights: %w", err), c.Close())
	}
	return c, nil
}

// open maps the weight files and collects their tensors under normalised names.
func (c *Checkpoint) open() error {
	if packed, err := c.openPacked(); packed || err != nil {
		return err
	}
	where, err := c.index()
	if err != nil {
		return err
	}
	for _, file := range c.files {
		data, unmap, err := mapFile(filepath.Join(c.dir, file))
		if err != nil {
			return err
		}
		c.unmap = append(c.unmap, unmap)
		tensors, err := Parse(data)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(c.dir, file), err)
		}
		for _, t := range tensors {
			if where != nil && where[t.Name] != file {
				continue // the index decides which of several copies counts
			}
			delete(where, t.Name)
			t.Name = Normalise(t.Name)
			if _, twice := c.tensors[t.Name]; twice {
				return fmt.Errorf("%s: tensor %q is there twice", c.dir, t.Name)
			}
			c.tensors[t.Name] = t
		}
	}
	for name, file := range where {
		return fmt.Errorf("%s lists tensor %q in %s, which does not hold it", filepath.Join(c.dir, indexName), name, file)
	}
	return nil
}

// The names of the weight files in a folder.
const (
	singleName = "model.safetensors"
	indexName  = "model.safetensors.index.json"
)

// index finds the weight files. For a sharded checkpoint it returns which file holds which tensor, by the
// names in the files; for a single file nil.
func (c *Checkpoint) index() (map[string]string, error) {
	if _, err := os.Stat(filepath.Join(c.dir, singleName)); err == nil {
		c.files = []string{singleName}
		return nil, nil
	}
	path := filepath.Join(c.dir, indexName)
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s holds neither %s nor %s; download the checkpoint again", c.dir, singleName, indexName)
	}
	if info.Size() > maxIndex {
		return nil, fmt.Errorf("%s has %d bytes, the limit is %d", path, info.Size(), maxIndex)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	where, files, err := parseIndex(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c.files = files
	return where, nil
}

// parseIndex reads the text of model.safetensors.index.json: which file holds which tensor, and the files
// in order. A file must lie beside the index: no path in it may lead elsewhere.
func parseIndex(text []byte) (where map[string]string, files []string, err error) {
	var index struct {
		WeightMap map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &index); err != nil {
		return nil, nil, err
	}
	if len(index.WeightMap) == 0 || len(index.WeightMap) > maxTensors {
		return nil, nil, fmt.Errorf("weight_map with %d tensors, 1 to %d expected", len(index.WeightMap), maxTensors)
	}
	for name, file := range index.WeightMap {
		if file != filepath.Base(file) || strings.ContainsAny(file, `/\`) || !strings.HasSuffix(file, ".safetensors") {
			return nil, nil, fmt.Errorf("tensor %q is said to lie in %q: only .safetensors files beside the index may be named", name, file)
		}
		if !slices.Contains(files, file) {
			files = append(files, file)
		}
		if len(files) > maxShards {
			return nil, nil, fmt.Errorf("more than %d files", maxShards)
		}
	}
	slices.Sort(files)
	return index.WeightMap, files, nil
}

// Close unmaps the files; tensors got from the checkpoint may not be used any more.
func (c *Checkpoint) Close() error {
	var errs []error
	for _, unmap := range c.unmap {
		errs = append(errs, unmap())
	}
	c.unmap, c.tensors, c.from = nil, nil, nil
	return errors.Join(errs...)
}

// Dir is the folder.
func (c *Checkpoint) Dir() string { return c.dir }

// Has says whether there is a tensor of that name; see Normalise for the spelling.
func (c *Checkpoint) Has(name string) bool { _, ok := c.tensors[name]; return ok }

// Shape is the shape of the tensor of that name, nil if there is none.
func (c *Checkpoint) Shape(name string) []int { return slices.Clone(c.tensors[name].Shape) }

// Names lists the tensors by normalised name, sorted.
func (c *Checkpoint) Names() []string {
	names := make([]string, 0, len(c.tensors))
	for name := range c.tensors {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Parameters counts the numbers in all tensors.
func (c *Checkpoint) Parameters() int64 {
	if c.from != nil {
		return c.from.parameters()
	}
	n := int64(0)
	for _, t := range c.tensors {
		n += int64(t.Len())
	}
	return n
}

// Tensor returns the tensor of that name, which must have that shape.
func (c *Checkpoint) Tensor(name string, shape ...int) (Tensor, error) {
	t, ok := c.tensors[name]
	if !ok {
		return Tensor{}, fmt.Errorf("weights: %s has no tensor %q; the files do not fit config.json", c.dir, name)
	}
	if !slices.Equal(t.Shape, shape) {
		return Tensor{}, fmt.Errorf("weights: %s: tensor %q has shape %v, config.json wants %v", c.dir, name, t.Shape, shape)
	}
	return t, nil
}

// Vector returns a tensor widened to float32, a copy that outlives the checkpoint.
func (c *Checkpoint) Vector(name string, shape ...int) ([]float32, error) {
	if c.from != nil {
		n := 1
		for _, d := range shape {
			n *= d
		}
		return c.from.vector(name, n)
	}
	t, err := c.Tensor(name, shape...)
	if err != nil {
		return nil, err
	}
	return t.Float32s()
}

// Hash is the checkpoint's fingerprint: SHA-256 in hex over name, length and content of configuration,
// tokenizer and weights. Files that do not change what the model computes, such as a profile, are left out.
func (c *Checkpoint) Hash() (string, error) {
	sum := sha256.New()
	var paths []string
	for _, name := range append([]string{"config.json", "tokenizer.json", "tokenizer.model"}, c.files...) {
		paths = append(paths, filepath.Join(c.dir, name))
	}
	if p, ok := c.from.(*packed); ok { // its checksums stand for its content
		fmt.Fprintf(sum, "%s %x\n", PackedName, p.sum)
	}
	for _, dir := range c.adapters {
		paths = append(paths, filepath.Join(dir, adapterConfig), filepath.Join(dir, adapterWeights))
	}
	for _, path := range paths {
		name := filepath.Base(path)
		f, err := os.Open(path)
		if errors.Is(err, os.ErrNotExist) && strings.HasPrefix(name, "tokenizer.") {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("weights: fingerprint: %w", err)
		}
		info, err := f.Stat()
		if err == nil {
			fmt.Fprintf(sum, "%s %d\n", name, info.Size())
			_, err = io.Copy(sum, f)
		}
		f.Close()
		if err != nil {
			return "", fmt.Errorf("weights: fingerprint: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
