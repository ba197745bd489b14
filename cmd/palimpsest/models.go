package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"palimpsest.dev/engine"
	"palimpsest.dev/engine/weights"
)

// modelsCmd is about models' files, without running them.
type modelsCmd struct {
	Describe modelsDescribeCmd `cmd:"" help:"Print what a model, or a shape such as 3b-448, consists of and costs."`
	Pack     modelsPackCmd     `cmd:"" help:"Pack a model's weights into one file that is mapped, not read."`
	Verify   modelsVerifyCmd   `cmd:"" help:"Compare a packed model with its checksums."`
}

// modelsDescribeCmd describes a model or a shape.
type modelsDescribeCmd struct {
	Model   string `arg:"" help:"Folder of a model, its packed file, or a shape: 3b, 10b or 28b at 224, 448 or 896, as in 3b-448."`
	Prompt  int    `help:"Tokens of the prompt." default:"2"`
	Weights string `help:"Demand that the model fits in this format: float32, bf16, sfp, int8 or int4." placeholder:"FORMAT"`
	Memory  string `help:"Memory budget, as in 24GiB. Empty: the machine's memory." placeholder:"SIZE"`
	JSON    bool   `help:"Print one JSON object."`
}

// modelLine is what is printed of a described model.
type modelLine struct {
	Model      string             `json:"model"`
	Pixels     int                `json:"pixels"`
	Patches    int                `json:"image_tokens"`
	Parameters int64              `json:"parameters"`
	Vision     int64              `json:"vision_parameters"`
	Projector  int64              `json:"projector_parameters"`
	Decoder    int64              `json:"decoder_parameters"`
	Padding    int64              `json:"padding,omitempty"` // numbers in rows that only pad the embedding table
	Prompt     int                `json:"prompt_tokens"`     // with begin mark and newline
	Operations operationsLine     `json:"operations"`
	Memory     []formatMemoryLine `json:"memory"`
	Cache      int64              `json:"cache_bytes_per_page"`
	PerToken   int64              `json:"cache_bytes_per_token"`
	Budget     int64              `json:"memory_budget"`
}

type operationsLine struct {
	VisionLinear     int64 `json:"vision_linear"`
	VisionAttention  int64 `json:"vision_attention"`
	PrefillLinear    int64 `json:"prefill_linear"`
	PrefillAttention int64 `json:"prefill_attention"`
	Token            int64 `json:"token"`
}

type formatMemoryLine struct {
	Weights string `json:"weights"`
	Bytes   int64  `json:"bytes"`
	Cache   int64  `json:"cache_bytes_per_page"`
	Fits    bool   `json:"fits"` // with the keys and values of one page
	Refusal string `json:"refusal,omitempty"`
}

// Run describes.
func (c *modelsDescribeCmd) Run(s *session) error {
	config, err := engine.Shape(c.Model)
	if err != nil { // no shape: a folder
		if config, err = weights.ReadConfig(weights.Folder(c.Model)); err != nil {
			return fmt.Errorf("%w; nor is %q a shape such as 3b-448", err, c.Model)
		}
	}
	if c.Prompt < 0 {
		return usagef("--prompt %d is negative", c.Prompt)
	}
	budget, err := memoryBudget(c.Memory)
	if err != nil {
		return err
	}
	d, err := engine.Describe(config, c.Prompt)
	if err != nil {
		return err
	}
	o := d.Operations
	line := modelLine{Model: c.Model, Pixels: d.ImageSize, Patches: d.Patches, Parameters: d.Parameters, Vision: d.Vision, Projector: d.Projector,
		Decoder: d.Decoder, Padding: d.Padding, Prompt: d.Prompt, Operations: operationsLine(o), Cache: d.Cache, PerToken: d.PerToken, Budget: budget}
	for _, m := range d.Memory {
		line.Memory = append(line.Memory, formatMemoryLine{m.Format, m.Bytes, m.Cache, m.Refusal == "" && m.Bytes+m.Cache <= budget, m.Refusal})
	}
	if c.JSON {
		err = json.NewEncoder(s.stdout).Encode(line)
	} else {
		err = line.print(s.stdout)
	}
	if err == nil && c.Weights != "" {
		err = d.CheckMemory(c.Weights, budget)
	}
	return err
}

// print writes the line for a person.
func (l modelLine) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "%s\t%d pixels, %d image tokens\n", l.Model, l.Pixels, l.Patches)
	fmt.Fprintf(t, "parameters\t%s\ttower %s, projector %s, decoder %s\n", thousands(l.Parameters), thousands(l.Vision), thousands(l.Projector), thousands(l.Decoder))
	if l.Padding > 0 {
		fmt.Fprintf(t, "\t%s\tmore in rows that only pad the embedding table\n", thousands(l.Padding))
	}
	giga := func(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e9) }
	fmt.Fprintf(t, "operations\t%s G\ttower; its attention %s G more\n", giga(l.Operations.VisionLinear), giga(l.Operations.VisionAttention))
	fmt.Fprintf(t, "\t%s G\tdecoder, image and %d tokens; its attention %s G more\n", giga(l.Operations.PrefillLinear), l.Prompt, giga(l.Operations.PrefillAttention))
	fmt.Fprintf(t, "\t%s G\teach token of the answer\n", giga(l.Operations.Token))
	fmt.Fprintf(t, "cache\t%s\tkeys and values of a page; %s a token; half in 8 and 4 bits\n", sizeText(l.Cache), sizeText(l.PerToken))
	for i, m := range l.Memory {
		head, fits := "", "fits"
		if i == 0 {
			head = "memory"
		}
		if !m.Fits {
			fits = "does not fit"
		}
		if m.Refusal != "" {
			fits = m.Refusal
		}
		fmt.Fprintf(t, "%s\t%s\tin %s; with the cache of a page it %s %s\n", head, sizeText(m.Bytes), m.Weights, fits, sizeText(l.Budget))
	}
	return t.Flush()
}

// thousands writes a number with commas.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// sizeText writes bytes in the unit that suits.
func sizeText(n int64) string {
	switch {
	case n >= 1<<30:
		return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
	case n >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
}

// memoryBudget reads a size, "24GiB", "24GB" or bytes; empty is the machine's memory.
func memoryBudget(text string) (int64, error) {
	if text == "" {
		return machineMemory()
	}
	number, unit := text, int64(1)
	for _, u := range []struct {
		suffix string
		bytes  int64
	}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}} {
		if rest, ok := strings.CutSuffix(text, u.suffix); ok {
			number, unit = rest, u.bytes
			break
		}
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !(n > 0) || n*float64(unit) > 1<<60 {
		return 0, usagef("--memory %q is no size such as 24GiB", text)
	}
	return int64(n * float64(unit)), nil
}

// machineMemory is the memory that Linux says the machine has; on other systems it must be said.
func machineMemory() (int64, error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err == nil {
		var kilobytes int64
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kilobytes); err == nil {
			return kilobytes << 10, nil
		}
	}
	return 0, usagef("this system does not say how much memory it has; say it with --memory, as in --memory 24GiB")
}

// modelsPackCmd packs a model.
type modelsPackCmd struct {
	Source  string `arg:"" help:"Folder of the model as it was published."`
	Target  string `arg:"" help:"Folder to write: the packed weights, and the small files of the source."`
	Weights string `required:"" enum:"float32,bf16,sfp,int8,int4" help:"Format of the weights: float32, bf16, sfp, int8 or int4."`
	Adapter string `help:"Folder of a LoRA adapter to merge first." placeholder:"DIR"`
	Threads int    `help:"Threads; 0: as many as there are processors." default:"0"`
}

// Run packs.
func (c *modelsPackCmd) Run(s *session) error {
	if c.Threads < 0 {
		return usagef("--threads %d is negative", c.Threads)
	}
	if err := engine.Pack(c.Source, c.Target, engine.PackOptions{Weights: c.Weights, Adapter: c.Adapter, Threads: c.Threads}); err != nil {
		return err
	}
	info, err := os.Stat(packedPath(c.Target))
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.stdout, "%s: %s in %s\n", packedPath(c.Target), sizeText(info.Size()), c.Weights)
	return err
}

// packedPath is the packed file of a model's folder.
func packedPath(dir string) string { return filepath.Join(dir, weights.PackedName) }

// modelsVerifyCmd checks a packed model.
type modelsVerifyCmd struct {
	Model string `arg:"" help:"Folder of a packed model, or its packed file."`
}

// Run checks.
func (c *modelsVerifyCmd) Run(s *session) error {
	tensors, size, err := engine.VerifyPacked(c.Model)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.stdout, "%s: %d tensors, %s, all as their checksums say\n", c.Model, tensors, sizeText(size))
	return err
}
