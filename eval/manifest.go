package eval

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
)

// Limits of manifests and truth files, which may come from anywhere.
const (
	MaxItems      = 100_000
	MaxLineBytes  = 16 << 20 // one manifest line, which may carry its truth inline
	MaxTruthBytes = 64 << 20
)

// Item is one line of a manifest: a file, and where its truth is. Fields that the
// evaluation does not need are ignored.
type Item struct {
	ID     string          `json:"id"`
	Subset string          `json:"subset"`
	File   string          `json:"file"`    // relative to the manifest
	GTFile string          `json:"gt_file"` // relative to the manifest; or
	GT     json.RawMessage `json:"gt"`      // the truth itself
	Level  Level           `json:"level"`   // used where the truth does not say
	// Of tasks that ask the model directly.
	Question string   `json:"question"`
	Metric   string   `json:"metric"`  // of a question: vqa, anls, relaxed or exact
	Choices  []string `json:"choices"` // answers whose likelihoods are compared
	Labels   []string `json:"labels"`  // of objects to look for; none: those of the truth
	Prompt   string   `json:"prompt"`  // in place of the profile's
	Width    int      `json:"width"`   // of the picture in pixels, for answers that say places alone; 0 unknown
	Height   int      `json:"height"`
	dir      string
}

// Path is where the item's file lies.
func (i Item) Path() string { return i.resolve(i.File) }

func (i Item) resolve(name string) string {
	name = filepath.FromSlash(name)
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(i.dir, name)
}

// Raw is the item's truth as it stands in the manifest or in a file of its own, and where
// that is.
func (i Item) Raw() (raw []byte, where string, err error) {
	raw, where = i.GT, "gt of item "+i.ID
	if len(bytes.TrimSpace(raw)) > 0 && string(raw) != "null" {
		return raw, where, nil
	}
	where = i.resolve(i.GTFile)
	if i.GTFile == "" {
		return nil, where, fmt.Errorf("eval: item %s has neither gt_file nor gt", i.ID)
	}
	if raw, err = readBounded(where, MaxTruthBytes); err != nil {
		return nil, where, fmt.Errorf("eval: truth of item %s: %w", i.ID, err)
	}
	return raw, where, nil
}

// Truth reads what the item's file really says, for the task "ocr".
func (i Item) Truth() (Truth, error) {
	raw, where, err := i.Raw()
	if err != nil {
		return Truth{}, err
	}
	t, err := ParseTruth(raw, i.Level)
	if err != nil {
		return Truth{}, fmt.Errorf("eval: %s: %w", where, err)
	}
	return t, nil
}

func readBounded(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("%s is larger than the limit of %d bytes", path, limit)
	}
	return raw, nil
}

// OpenManifest reads the items of a manifest file; their paths are relative to it.
// With subsets, only items of these are kept, and naming an absent one is an error.
// A positive limit keeps that many items of each subset.
func OpenManifest(path string, subsets []string, limit int) ([]Item, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("eval: %w", err)
	}
	defer f.Close()
	all, err := ParseManifest(f, filepath.Dir(path))
	if err != nil {
		return nil, fmt.Errorf("eval: manifest %s: %w", path, err)
	}
	var kept []Item
	taken := map[string]int{}
	for _, item := range all {
		if len(subsets) > 0 && !slices.Contains(subsets, item.Subset) {
			continue
		}
		taken[item.Subset]++
		if limit > 0 && taken[item.Subset] > limit {
			continue
		}
		kept = append(kept, item)
	}
	for _, s := range subsets {
		if taken[s] == 0 {
			return nil, fmt.Errorf("eval: manifest %s has no item of subset %q", path, s)
		}
	}
	return kept, nil
}

// ParseManifest reads JSON lines; dir is what their paths are relative to. Empty lines
// are skipped, a line without id is known by its file, one without subset belongs to
// "default".
func ParseManifest(r io.Reader, dir string) ([]Item, error) {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 64<<10), MaxLineBytes)
	var items []Item
	for n := 1; sc.Scan(); n++ {
		line := bytes.TrimSpace(sc.Bytes())
		if len(line) == 0 {
			continue
		}
		if len(items) >= MaxItems {
			return nil, fmt.Errorf("line %d: more than the limit of %d items", n, MaxItems)
		}
		var item Item
		if err := json.Unmarshal(line, &item); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if item.File == "" {
			return nil, fmt.Errorf("line %d: no file named", n)
		}
		if item.ID == "" {
			item.ID = item.File
		}
		if item.Subset == "" {
			item.Subset = "default"
		}
		item.dir = dir
		items = append(items, item)
	}
	if err := sc.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("a line is longer than the limit of %d bytes", MaxLineBytes)
	} else if err != nil {
		return nil, err
	}
	return items, nil
}
