package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/engine/enginetest"
	"palimpsest.dev/task"
)

// fastModel writes a model with random weights: its answers are nonsense, but the same nonsense whenever the same
// picture is shown, and they come in milliseconds. It is asked for text without places, so that it gives words. Another
// seed makes another model.
func fastModel(t testing.TB, seed uint64) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), fmt.Sprint("fast-", seed))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := enginetest.WriteCheckpoint(dir, enginetest.Shape{Locations: 4, Seed: seed}); err != nil {
		t.Fatal(err)
	}
	profile, err := json.Marshal(task.ModelProfile{Name: "fast", Format: task.ProfileFormat, Tasks: map[string]task.Profile{
		"ocr": {Prompt: "ocr", View: task.ViewPage, Fit: task.FitStretch, Box: task.BoxNone, MaxTokens: 64},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, task.ProfileFile), profile, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// file is a document of a load.
type file struct {
	name    string
	content []byte
	options map[string]string
	again   string // what is done to it once it has ended; see readAgain
}

var vocabulary = strings.Fields("archive ledger copper winter harbour letter margin candle bridge velvet orchard silver paper quarry lantern meadow")

// pdf writes a document of small pages with a few lines of text on each, different for every seed. Its text layer is
// sound; whether it stands for the reading is an option of the task.
func pdf(pages int, seed uint64) []byte {
	random := rand.New(rand.NewPCG(seed, 1))
	var b bytes.Buffer
	var offsets []int
	object := func(format string, a ...any) {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n"+format+"\nendobj\n", append([]any{len(offsets)}, a...)...)
	}
	b.WriteString("%PDF-1.4\n")
	var kids strings.Builder
	for i := range pages {
		fmt.Fprintf(&kids, "%d 0 R ", 4+2*i)
	}
	object("<< /Type /Catalog /Pages 2 0 R >>")
	object("<< /Type /Pages /Count %d /Kids [ %s] >>", pages, kids.String())
	object("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
	for page := range pages {
		object("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 180 150] /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>", 5+2*page)
		var text strings.Builder
		fmt.Fprintf(&text, "BT /F1 11 Tf 14 TL 12 125 Td (Page %d of %d) Tj T* ", page+1, pages)
		for range 3 + random.IntN(5) {
			fmt.Fprintf(&text, "(%s %s %d) Tj T* ", vocabulary[random.IntN(len(vocabulary))], vocabulary[random.IntN(len(vocabulary))], random.IntN(1000))
		}
		text.WriteString("ET")
		object("<< /Length %d >>\nstream\n%s\nendstream", text.Len(), text.String())
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.Bytes()
}

var (
	readIt   = map[string]string{"text_layer": "ignore"}
	useLayer = map[string]string{"text_layer": "use"}
)

// shortLoad is a few documents of every kind: read by the model, taken from the text layer, blank, and refused. Some are
// read again by another model.
func shortLoad(t testing.TB) []file {
	whole := pdf(3, 30)
	return []file{
		{"read-1.pdf", pdf(9, 1), readIt, ""}, {"layer-1.pdf", pdf(5, 2), useLayer, againAlways}, {"note.txt", []byte("no document at all"), nil, ""},
		{"read-2.pdf", pdf(7, 3), readIt, againUndone}, {"blank.jpg", sample(t, "blank.jpg"), nil, ""}, {"layer-2.pdf", pdf(4, 4), useLayer, ""},
		{"cut.pdf", whole[:len(whole)/3], readIt, ""}, {"read-3.pdf", pdf(6, 5), readIt, ""},
	}
}

// longLoad adds documents of several chunks, samples of other formats, and many small ones.
func longLoad(t testing.TB) []file {
	load := append(shortLoad(t),
		file{"long-read.pdf", pdf(40, 6), readIt, ""}, file{"long-layer.pdf", pdf(36, 7), useLayer, againPromoted},
		file{"handbook.pdf", sample(t, "handbook.pdf"), useLayer, ""}, file{"ledger.tif", sample(t, "ledger.tif"), readIt, againAlways},
		file{"receipt.jpg", sample(t, "receipt.jpg"), readIt, againUndone}, file{"label-exif.jpg", sample(t, "label-exif.jpg"), nil, ""})
	for i := range uint64(24) {
		options := readIt
		if i%3 == 2 {
			options = useLayer
		}
		again := []string{"", "", "", "", againAlways, againPromoted, againUndone, ""}[i%8]
		load = append(load, file{fmt.Sprintf("small-%02d.pdf", i), pdf(2+int(i%5), 100+i), options, again})
	}
	return load
}

func sample(t testing.TB, name string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root(t), "samples", name))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
