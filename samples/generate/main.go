// Command generate draws the bundled sample documents and writes down what they say.
//
// Everything in samples/ comes from here: the texts were written for this project, the
// letters are the Go fonts, and the faults of the "scans" (noise, blur, shading, skew,
// JPEG) are computed. The output is the same on every run, so that a change of a sample
// shows as a change of this program. Run it from the root of the repository:
//
//	go run ./samples/generate
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	out := flag.String("out", "samples", "folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// run writes every document, its truth and the manifest.
func run(out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	docs, err := documents()
	if err != nil {
		return err
	}
	var manifest []byte
	for _, d := range docs {
		truth, err := json.Marshal(d.truth)
		if err != nil {
			return err
		}
		line, err := json.Marshal(d.item())
		if err != nil {
			return err
		}
		manifest = append(append(manifest, line...), '\n')
		for name, content := range map[string][]byte{d.file: d.content, d.truthFile(): append(truth, '\n')} {
			if err := os.WriteFile(filepath.Join(out, name), content, 0o644); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(out, "MANIFEST.jsonl"), manifest, 0o644)
}
