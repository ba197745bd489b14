// Program canonical writes SMILES as the trainer and the tests want them: one
// text for one molecule. It reads a molecule from each line of its input, with
// anything behind the first blank kept as it is, and writes its canonical form. A
// molecule may also be written with a place in front of every atom, as the model
// draws it (docs/targets.md).
// A line that is no molecule goes to the errors, with its number, the place
// and the reason, and the program ends with status 1.
//
//	go run ./plugins/molecule/canonical <in.smi >out.smi
package main

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	"palimpsest.dev/plugins/molecule/drawing"
	"palimpsest.dev/plugins/molecule/smiles"
)

// bins is how many locations the vocabulary has.
const bins = 1024

func main() {
	bad, err := rewrite(os.Stdin, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "canonical:", err)
		os.Exit(2)
	}
	if bad > 0 {
		os.Exit(1)
	}
}

// rewrite returns how many lines were no molecules.
func rewrite(in io.Reader, out, faults io.Writer) (bad int, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 4*smiles.MaxBytes)
	w := bufio.NewWriter(out)
	for n := 1; lines.Scan(); n++ {
		text, rest := lines.Text(), ""
		if k := strings.IndexAny(text, " \t"); k >= 0 {
			text, rest = text[:k], text[k:]
		}
		if text == "" && rest == "" {
			continue
		}
		m, err := read(text)
		if err != nil {
			bad++
			if _, err := fmt.Fprintf(faults, "line %d: %v\n", n, err); err != nil {
				return bad, err
			}
			continue
		}
		if _, err := fmt.Fprintf(w, "%s%s\n", m.Canonical(), rest); err != nil {
			return bad, err
		}
	}
	if err := lines.Err(); err != nil {
		return bad, fmt.Errorf("reading: %w", err)
	}
	return bad, w.Flush()
}

// read reads either form.
func read(text string) (*smiles.Molecule, error) {
	if !strings.HasPrefix(text, "<loc") {
		return smiles.Parse(smiles.Groups(text, false))
	}
	d, err := drawing.Parse(text, bins)
	if err != nil {
		return nil, err
	}
	return d.Molecule()
}
