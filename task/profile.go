package task

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ProfileFile is the name of the file in a model folder that says how to ask
// the model.
const ProfileFile = "palimpsest.json"

// ProfileFormat is the format number that this code reads.
const ProfileFormat = 1

// maxProfileBytes bounds what ReadProfile reads of a file.
const maxProfileBytes = 1 << 20

// The views a profile may ask for.
const (
	ViewTiles  = "tiles"  // overlapping squares at a readable scale
	ViewPage   = "page"   // the whole page in one square
	ViewRegion = "region" // regions found in a first round
)

// The ways a model may write boxes.
const (
	BoxNone       = "none"        // the model writes no places
	BoxYXYXBefore = "yxyx-before" // <locY0><locX0><locY1><locX1> before each item
	BoxAtoms      = "atoms"       // molecules: <locY><locX> before each atom
)

// Profile says how one checkpoint wants to be asked for one task.
type Profile struct {
	Prompt     string  `json:"prompt"`
	View       string  `json:"view"`                   // ViewTiles, ViewPage or ViewRegion
	Fit        string  `json:"fit"`                    // FitStretch or FitLetterbox
	Box        string  `json:"box"`                    // BoxNone, BoxYXYXBefore or BoxAtoms
	Size       int     `json:"size"`                   // side of the model's square in pixels
	XHeight    float64 `json:"x_height,omitempty"`     // tiles: the x-height in model pixels that text is scaled to
	XHeightMin float64 `json:"x_height_min,omitempty"` // tiles: least x-height in model pixels still read well; 0: 0.75 of XHeight
	XHeightMax float64 `json:"x_height_max,omitempty"` // tiles: greatest; 0: 1.5 of XHeight
	MinScale   float64 `json:"min_scale,omitempty"`    // tiles: least model pixels per page pixel; 0: no bound
	MaxScale   float64 `json:"max_scale,omitempty"`    // tiles: most model pixels per page pixel; 0: no bound
	Overlap    int     `json:"overlap,omitempty"`      // tiles: model pixels that neighbours share
	LocBins    int     `json:"loc_bins,omitempty"`     // places along a side, 1024
	// MinConfidence is the mean probability of text and place below which what the model wrote is
	// rather not taken over; 0 takes everything.
	MinConfidence float64 `json:"min_confidence,omitempty"`
	MaxTokens     int     `json:"max_tokens"`        // longest answer
	Adapter       string  `json:"adapter,omitempty"` // name of the adapter to serve the ask with
	// Images is how many pages of a document the model is shown at once; 0 and 1: one.
	Images int `json:"images,omitempty"`
	// Grammar is the language that answers are kept in, for Ask.Grammar; "" where the checkpoint writes another.
	Grammar string `json:"grammar,omitempty"`
	// Steps are the further questions of a task that asks the model more than one, by the name that
	// the task gives them. An entry has no Steps of its own.
	Steps map[string]Profile `json:"steps,omitempty"`
}

// maxSteps bounds the further questions of one task.
const maxSteps = 16

// ModelProfile is a model's palimpsest.json.
type ModelProfile struct {
	Name   string             `json:"name"`
	Format int                `json:"format"` // ProfileFormat
	Tasks  map[string]Profile `json:"tasks"`
}

// ReadProfile reads palimpsest.json of a model folder and fills what it leaves
// out. Without the file it returns the prompts of the released mix
// checkpoints, with the square's side taken from the folder's config.json.
func ReadProfile(dir string) (ModelProfile, error) {
	size, err := imageSize(filepath.Join(dir, "config.json"))
	if err != nil {
		return ModelProfile{}, err
	}
	path := filepath.Join(dir, ProfileFile)
	raw, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return mixProfile(filepath.Base(filepath.Clean(dir)), size), nil
	}
	if err != nil {
		return ModelProfile{}, err
	}
	var m ModelProfile
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.DisallowUnknownFields() // a misspelt setting must not be silently ignored
	if err := dec.Decode(&m); err != nil {
		return ModelProfile{}, fmt.Errorf("model profile %s: %w", path, err)
	}
	if m.Format != ProfileFormat {
		return ModelProfile{}, fmt.Errorf("model profile %s: format %d, this program reads %d", path, m.Format, ProfileFormat)
	}
	if m.Name == "" {
		m.Name = filepath.Base(filepath.Clean(dir))
	}
	for name, p := range m.Tasks {
		p = p.withDefaults(size)
		if err := p.Check(); err != nil {
			return ModelProfile{}, fmt.Errorf("model profile %s: task %q: %w", path, name, err)
		}
		m.Tasks[name] = p
	}
	return m, nil
}

// mixProfile is what the released mix checkpoints were trained on: the whole
// picture stretched into the square, the word "ocr", text without places.
func mixProfile(name string, size int) ModelProfile {
	p := Profile{Prompt: "ocr", View: ViewPage, Fit: FitStretch, Box: BoxNone}
	return ModelProfile{Name: name, Format: ProfileFormat, Tasks: map[string]Profile{"ocr": p.withDefaults(size)}}
}

func (p Profile) withDefaults(size int) Profile {
	set := func(s *string, v string) {
		if *s == "" {
			*s = v
		}
	}
	set(&p.View, ViewPage)
	set(&p.Fit, FitStretch)
	set(&p.Box, BoxNone)
	if p.Size == 0 {
		p.Size = size
	}
	if p.LocBins == 0 {
		p.LocBins = 1024
	}
	if p.MaxTokens == 0 {
		p.MaxTokens = 512
	}
	if p.XHeight > 0 && p.XHeightMin == 0 {
		p.XHeightMin = 0.75 * p.XHeight
	}
	if p.XHeight > 0 && p.XHeightMax == 0 {
		p.XHeightMax = 1.5 * p.XHeight
	}
	if len(p.Steps) > 0 {
		steps := make(map[string]Profile, len(p.Steps)) // the caller's map stays as it is
		for name, step := range p.Steps {
			steps[name] = step.withDefaults(size)
		}
		p.Steps = steps
	}
	return p
}

// Check reports what a task could not work with.
func (p Profile) Check() error {
	switch {
	case p.View != ViewTiles && p.View != ViewPage && p.View != ViewRegion:
		return fmt.Errorf("view %q: want %s, %s or %s", p.View, ViewTiles, ViewPage, ViewRegion)
	case p.Fit != FitStretch && p.Fit != FitLetterbox:
		return fmt.Errorf("fit %q: want %s or %s", p.Fit, FitStretch, FitLetterbox)
	case p.Box != BoxNone && p.Box != BoxYXYXBefore && p.Box != BoxAtoms:
		return fmt.Errorf("box %q: want %s, %s or %s", p.Box, BoxNone, BoxYXYXBefore, BoxAtoms)
	case p.Size < 1 || p.Size > MaxSide:
		return fmt.Errorf("size %d: want 1 to %d; it stands in the profile or in config.json", p.Size, MaxSide)
	case p.LocBins < 2 || p.LocBins > 1<<16:
		return fmt.Errorf("loc_bins %d: want 2 to %d", p.LocBins, 1<<16)
	case !(p.MinConfidence >= 0 && p.MinConfidence < 1):
		return fmt.Errorf("min_confidence %g: want 0 to less than 1", p.MinConfidence)
	case p.Images < 0 || p.Images > MaxImages:
		return fmt.Errorf("images %d: want 0 to %d", p.Images, MaxImages)
	case p.MaxTokens < 1 || p.MaxTokens > MaxTokens:
		return fmt.Errorf("max_tokens %d: want 1 to %d", p.MaxTokens, MaxTokens)
	case p.View == ViewTiles && !(p.XHeight > 0 && p.XHeight < float64(p.Size)):
		return fmt.Errorf("x_height %g: tiles want one between 0 and size %d", p.XHeight, p.Size)
	case p.View == ViewTiles && !(p.XHeightMin > 0 && p.XHeightMin <= p.XHeight && p.XHeight <= p.XHeightMax):
		return fmt.Errorf("x_height_min %g, x_height %g, x_height_max %g: want them in this order", p.XHeightMin, p.XHeight, p.XHeightMax)
	case p.View == ViewTiles && !(p.MinScale >= 0 && p.MaxScale >= 0 && (p.MaxScale == 0 || p.MinScale <= p.MaxScale)):
		return fmt.Errorf("min_scale %g, max_scale %g: want them in this order", p.MinScale, p.MaxScale)
	case p.View == ViewTiles && (p.Overlap < 0 || 2*p.Overlap > p.Size):
		return fmt.Errorf("overlap %d: want 0 to half of size %d", p.Overlap, p.Size)
	}
	return p.checkSteps()
}

func (p Profile) checkSteps() error {
	if len(p.Steps) > maxSteps {
		return fmt.Errorf("%d steps: at most %d", len(p.Steps), maxSteps)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Steps)) { // the same profile gives the same error
		step := p.Steps[name]
		if !identifier.MatchString(name) {
			return fmt.Errorf("step %q: want a name that matches %s", name, identifier)
		}
		if len(step.Steps) > 0 {
			return fmt.Errorf("step %q has steps of its own: only a task's entry has any", name)
		}
		if err := step.Check(); err != nil {
			return fmt.Errorf("step %q: %w", name, err)
		}
	}
	return nil
}

// imageSize reads the side of the vision tower's square out of config.json;
// 0 when the file or the entry is missing, which Check refuses later if the
// profile does not say it either.
func imageSize(path string) (int, error) {
	raw, err := readBounded(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var c struct {
		Vision struct {
			ImageSize int `json:"image_size"`
		} `json:"vision_config"`
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return 0, fmt.Errorf("model configuration %s: %w", path, err)
	}
	return c.Vision.ImageSize, nil
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxProfileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxProfileBytes {
		return nil, fmt.Errorf("%s: more than %d bytes", path, maxProfileBytes)
	}
	return raw, nil
}
