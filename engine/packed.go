package engine

import (
	"errors"
	"fmt"
	"slices"

	"palimpsest.dev/engine/gemma"
	"palimpsest.dev/engine/kernel"
	"palimpsest.dev/engine/pool"
	"palimpsest.dev/engine/siglip"
	"palimpsest.dev/engine/weights"
)

// PackedFormats are what Pack can write, the widest first.
func PackedFormats() []string {
	var names []string
	for _, f := range kernel.Formats() {
		names = append(names, string(f))
	}
	return names
}

// PackOptions says how a checkpoint is packed.
type PackOptions struct {
	Weights string // one of PackedFormats
	Adapter string // folder of a LoRA adapter to merge first; "": none
	Threads int    // 0: as many as the process may use
}

// Pack writes the checkpoint folder src to the folder dst with its weights packed: one file that Open maps instead
// of reading it, in the order the kernels want, beside the small files that src has. Memory stays under some
// megabytes whatever the size of the checkpoint.
func Pack(src, dst string, o PackOptions) (err error) {
	if !slices.Contains(PackedFormats(), o.Weights) {
		return fmt.Errorf("engine: weights %q; there are %v", o.Weights, PackedFormats())
	}
	ck, err := weights.Open(src)
	if err != nil {
		return fmt.Errorf("engine: %w", err)
	}
	defer func() { err = errors.Join(err, ck.Close()) }()
	if o.Adapter != "" {
		if err := ck.Adapt(o.Adapter); err != nil {
			return fmt.Errorf("engine: %w", err)
		}
	}
	p := pool.New(o.Threads)
	defer p.Close()
	return weights.Pack(ck, dst, kernel.Format(o.Weights), everything, p)
}

// VerifyPacked compares every tensor of a packed file, or of the one in a folder, with its checksum.
func VerifyPacked(path string) (tensors int, size int64, err error) { return weights.Verify(path) }

// everything is the weights.Loader of the whole model.
func everything(c *weights.Checkpoint) error {
	if _, err := siglip.Load(c, weights.Float32); err != nil {
		return err
	}
	_, err := gemma.Load(c, gemma.Options{}, nil)
	return err
}

// weightsFormat is the format of a packed checkpoint, "" for others.
func weightsFormat(c *weights.Checkpoint) string {
	f, _ := c.Packed()
	return string(f)
}
