package main

import (
	"strings"
	"testing"
)

func TestRewrite(t *testing.T) {
	t.Parallel()
	var out, faults strings.Builder
	bad, err := rewrite(strings.NewReader("C(C)O\tethanol 1\n\nC1CC\n[R1]C1=CC=CC=C1\n"), &out, &faults)
	if err != nil || bad != 1 {
		t.Errorf("%d bad lines, %v", bad, err)
	}
	if want := "CCO\tethanol 1\n[1*]c1ccccc1\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	if !strings.HasPrefix(faults.String(), "line 3: SMILES at byte 1: ") {
		t.Errorf("%q", faults.String())
	}
}
