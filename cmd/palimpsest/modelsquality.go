package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"palimpsest.dev/engine"
	"palimpsest.dev/engine/kernel"
)

// qualityLine is what bench --quality prints.
type qualityLine struct {
	Shape   string              `json:"shape"`
	Pixels  int                 `json:"pixels"`
	Tower   int                 `json:"tower_layers"`
	Decoder int                 `json:"decoder_layers"`
	Whole   bool                `json:"all_layers"`
	Prompt  int                 `json:"prompt_tokens"`
	Steps   int                 `json:"steps"`
	Seed    uint64              `json:"seed"`
	Kernel  string              `json:"kernel"`
	Seconds float64             `json:"seconds"`
	Formats []qualityFormatLine `json:"formats"`
}

type qualityFormatLine struct {
	Weights string           `json:"weights"`
	Vision  qualityStageLine `json:"vision"`
	Prefill qualityStageLine `json:"prefill"`
	Decode  qualityStageLine `json:"decode"`
	Within  bool             `json:"within_limits"`
}

// qualityStageLine is relative: the root of the mean square of the difference over that of the values in float32.
type qualityStageLine struct {
	Error float64 `json:"relative_error"`
	Limit float64 `json:"limit"`
}

// quality compares the formats with float32 and prints how far they are off. It fails where one is further off than its
// rounding explains.
func (f shapeFlags) quality(s *session, threads int, asJSON bool) error {
	name := cmp.Or(f.Shape, "3b")
	config, budget, err := f.shape(name)
	if err != nil {
		return err
	}
	start := time.Now()
	all, err := engine.MeasureQuality(s, config, engine.QualityOptions{Weights: engine.PackedFormats()[1:], Prompt: f.Prompt, Steps: f.Steps,
		Layers: f.Layers, Threads: threads, Memory: budget, Seed: f.Seed})
	if err != nil {
		return err
	}
	line := qualityLine{Shape: name, Pixels: config.Vision.Image, Tower: config.Vision.Layers, Decoder: config.Text.Layers, Whole: true,
		Prompt: f.Prompt, Steps: f.Steps, Seed: f.Seed, Kernel: kernel.Name(), Seconds: time.Since(start).Seconds()}
	if n := f.Layers; n > 0 {
		line.Whole = n >= max(line.Tower, line.Decoder)
		line.Tower, line.Decoder = min(n, line.Tower), min(n, line.Decoder)
	}
	var over []string
	for _, q := range all {
		line.Formats = append(line.Formats, qualityFormatLine{q.Weights, qualityStageLine(q.Vision), qualityStageLine(q.Prefill), qualityStageLine(q.Decode), q.Within()})
		if !q.Within() {
			over = append(over, q.Weights)
		}
	}
	if asJSON {
		err = json.NewEncoder(s.stdout).Encode(line)
	} else {
		err = line.print(s)
	}
	if err == nil && len(over) > 0 {
		err = fmt.Errorf("%s further off from float32 than %.1f times what noise of the format's size explains", strings.Join(over, ", "), engine.QualityLimit)
	}
	return err
}

// print writes the line for a person.
func (l qualityLine) print(s *session) error {
	how := "all of its layers"
	if !l.Whole {
		how = fmt.Sprintf("only %d layers of the tower and %d of the decoder, in their true widths", l.Tower, l.Decoder)
	}
	fmt.Fprintf(s.stdout, "%s at %d pixels, normal weights (seed %d), %s; kernels %s, %.0f s\n", l.Shape, l.Pixels, l.Seed, how, l.Kernel, l.Seconds)
	fmt.Fprintf(s.stdout, "off from float32, root of mean squares; limit: %.1f times what noise of the format's size does to float32\n", engine.QualityLimit)
	t := tabwriter.NewWriter(s.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "\tfeatures\tlimit\tlogits, first token\tlimit\tlogits, %d tokens after it\tlimit\t\n", l.Steps)
	for _, f := range l.Formats {
		fmt.Fprint(t, f.Weights)
		for _, e := range []qualityStageLine{f.Vision, f.Prefill, f.Decode} {
			fmt.Fprintf(t, "\t%.2f %%\t%.2f %%", 100*e.Error, 100*e.Limit)
		}
		fmt.Fprint(t, "\t\n")
	}
	return t.Flush()
}
