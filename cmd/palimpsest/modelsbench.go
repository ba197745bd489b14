package main

import (
	"encoding/json"
	"fmt"
	"io"

	"palimpsest.dev/engine"
	"palimpsest.dev/engine/weights"
)

// shapeFlags are those of bench that measure the engine alone, over random weights of a true shape.
type shapeFlags struct {
	Shape      string `help:"Measure the engine alone over random weights of this shape: 3b, 10b or 28b; or of the configuration in a model's folder." placeholder:"SHAPE"`
	Resolution int    `help:"Side of the image of a shape." enum:"224,448,896" default:"224"`
	Weights    string `help:"Format of the weights of a shape." enum:"float32,bf16,sfp,int8,int4" default:"int8"`
	Prompt     int    `help:"Tokens around the image, with begin mark and newline." default:"4"`
	Steps      int    `help:"Tokens of the answer." default:"11"`
	Pages      int    `help:"Pages whose median counts, after one that does not." default:"3"`
	PackTo     string `help:"Write the weights of a shape, packed, into a new folder in this one, and measure opening it and computing from the mapped file; it is removed afterwards." placeholder:"DIR"`
	Quality    bool   `help:"Instead of speed, compare the formats with float32: one model of normal weights of the shape (3b unless --shape says otherwise), in bf16, sfp, int8 and int4."`
	Layers     int    `help:"With --quality, layers of tower and decoder at most. 0: all." default:"0"`
	Seed       uint64 `help:"With --quality, what the weights are drawn from." default:"1"`
	Memory     string `help:"Memory budget, as in 24GiB. Empty: the machine's memory." placeholder:"SIZE"`
}

// shapeLine is what bench prints of a shape.
type shapeLine struct {
	Shape      string       `json:"shape"`
	Pixels     int          `json:"pixels"`
	Weights    string       `json:"weights"`
	Arithmetic string       `json:"arithmetic"`
	Kernel     string       `json:"kernel"`
	Threads    int          `json:"threads"`
	Pinned     bool         `json:"pinned"` // threads are not bound to processors, nor huge pages asked for
	Parameters int64        `json:"parameters"`
	Bytes      int64        `json:"weight_bytes"`
	Opened     float64      `json:"open_seconds,omitempty"` // of the packed file
	Prompt     int          `json:"prompt_tokens"`
	Steps      int          `json:"steps"`
	Ceilings   ceilingsLine `json:"ceilings"`
	Vision     stageLine    `json:"vision"`
	Prefill    stageLine    `json:"prefill"`
	Decode     stageLine    `json:"decode"`
	TokensPerS float64      `json:"tokens_per_second"`
	Peak       int64        `json:"peak_bytes,omitempty"`
	Page       int64        `json:"page_bytes,omitempty"`
}

// ceilingsLine is the machine's, measured in the same run, in 10^9 a second.
type ceilingsLine struct {
	Float32 float64 `json:"float32_gop_per_second"`
	Half    float64 `json:"bf16_gop_per_second,omitempty"` // of bfloat16 by bfloat16, where the processor multiplies it
	Int8    float64 `json:"int8_gop_per_second"`
	Int4    float64 `json:"int4_gop_per_second"`
	Read    float64 `json:"read_gb_per_second"`
}

type stageLine struct {
	Seconds        float64 `json:"seconds"`
	Processor      float64 `json:"processor_seconds"`
	GOPs           float64 `json:"gop_per_second"`
	GBs            float64 `json:"gb_per_second"`
	Share          float64 `json:"share_of_ceiling"`
	ProcessorShare float64 `json:"share_of_ceiling_by_processor_time"`
}

// run measures a shape and prints it.
func (f shapeFlags) run(s *session, threads int, arithmetic string, asJSON bool) error {
	name := f.Shape
	config, budget, err := f.shape(name)
	if err != nil {
		return err
	}
	r, err := engine.Bench(s, config, engine.BenchOptions{Weights: f.Weights, Arithmetic: arithmetic, Prompt: f.Prompt, Steps: f.Steps, Pages: f.Pages, Threads: threads, Memory: budget, Folder: f.PackTo})
	if err != nil {
		return err
	}
	c := r.Ceilings
	line := shapeLine{Shape: name, Pixels: config.Vision.Image, Weights: f.Weights, Arithmetic: arithmetic, Kernel: r.Kernel, Threads: r.Threads, Parameters: r.Parameters, Bytes: r.Weights, Opened: r.Opened.Seconds(),
		Prompt: f.Prompt, Steps: f.Steps, Ceilings: ceilingsLine{c.Float32 / 1e9, c.Half / 1e9, c.Int8 / 1e9, c.Int4 / 1e9, c.Read / 1e9},
		Vision: stage(r.Vision), Prefill: stage(r.Prefill), Decode: stage(r.Decode), TokensPerS: float64(r.Steps) / r.Decode.Seconds, Peak: r.Peak, Page: r.Page}
	if asJSON {
		return json.NewEncoder(s.stdout).Encode(line)
	}
	return line.print(s.stdout)
}

// shape is the configuration of a shape or of a model's folder, and the memory budget.
func (f shapeFlags) shape(name string) (weights.Config, int64, error) {
	config, err := engine.Shape(fmt.Sprintf("%s-%d", name, f.Resolution))
	if err != nil {
		if config, err = weights.ReadConfig(weights.Folder(name)); err != nil {
			return config, 0, usagef("--shape %s is neither 3b, 10b or 28b nor a model's folder: %v", name, err)
		}
	}
	budget, err := memoryBudget(f.Memory)
	return config, budget, err
}

func stage(s engine.BenchStage) stageLine {
	return stageLine{s.Seconds, s.Processor, float64(s.Operations) / s.Seconds / 1e9, float64(s.Bytes) / s.Seconds / 1e9, s.Share, s.ProcessorShare}
}

// print writes the line for a person.
func (l shapeLine) print(w io.Writer) error {
	fmt.Fprintf(w, "%s at %d pixels in %s: %s parameters, %s; kernels %s, arithmetic %s, on %d threads, not pinned, pages as the system gives them\n",
		l.Shape, l.Pixels, l.Weights, thousands(l.Parameters), sizeText(l.Bytes), l.Kernel, l.Arithmetic, l.Threads)
	half := ""
	if l.Ceilings.Half > 0 {
		half = fmt.Sprintf(", bf16 %.0f", l.Ceilings.Half)
	}
	fmt.Fprintf(w, "ceilings  float32 %.0f"+half+", int8 %.0f, int4 %.0f GOP/s, reading %.1f GB/s, measured in this run on this machine\n",
		l.Ceilings.Float32, l.Ceilings.Int8, l.Ceilings.Int4, l.Ceilings.Read)
	for _, s := range []struct {
		name string
		stageLine
	}{{"vision", l.Vision}, {"prefill", l.Prefill}, {"decode", l.Decode}} {
		fmt.Fprintf(w, "%-8s %8.3f s  %7.1f GOP/s  %6.1f GB/s  %3.0f %% of its ceiling; %3.0f %% of the %.3f s the processors were given\n",
			s.name, s.Seconds, s.GOPs, s.GBs, 100*s.Share, 100*s.ProcessorShare, s.Processor)
	}
	fmt.Fprintf(w, "%d steps, %.1f tokens/s; at most %s", l.Steps, l.TokensPerS, sizeText(l.Peak))
	if l.Opened > 0 {
		_, err := fmt.Fprintf(w, ", the mapped file in it, which opened in %.3f s\n", l.Opened)
		return err
	}
	_, err := fmt.Fprintf(w, ", of them %s for a page\n", sizeText(l.Page))
	return err
}
