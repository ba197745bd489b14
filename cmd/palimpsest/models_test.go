package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/engine/enginetest"
)

func TestModelsDescribe(t *testing.T) {
	t.Parallel()
	code, out, errs := runCommand("models", "describe", "3b-448", "--memory", "24GiB")
	for _, want := range []string{"3,032,979,696", "1024 image tokens", "848.7 G", "in int4", "fits 24.00 GiB"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in:\n%s%s", code, want, out, errs)
		}
	}
	code, out, _ = runCommand("models", "describe", "28b-896", "--memory", "24GiB", "--json")
	var line modelLine
	if err := json.Unmarshal([]byte(out), &line); code != exitOK || err != nil || line.Parameters != 27_654_615_792 || line.Budget != 24<<30 ||
		len(line.Memory) != 5 || line.Memory[3].Fits || line.Memory[3].Weights != "int8" {
		t.Errorf("exit %d, %v, %+v", code, err, line)
	}
	code, _, errs = runCommand("models", "describe", "28b", "--memory", "24GiB", "--weights", "int8")
	if code != exitFailed || !strings.Contains(errs, "the memory budget is 25769803776") {
		t.Errorf("28B in 8 bits on 24 GiB: exit %d, %s", code, errs)
	}
	for _, args := range [][]string{{"4b"}, {"3b", "--memory", "much"}, {"3b", "--prompt", "-1"}, {"3b", "--weights", "int3", "--memory", "24GB"}} {
		if code, _, errs := runCommand(append([]string{"models", "describe"}, args...)...); code == exitOK || errs == "" {
			t.Errorf("%v: exit %d, %s", args, code, errs)
		}
	}
}

// A model is packed, described, verified, damaged, and then refused by tensor and byte.
func TestModelsPackAndVerify(t *testing.T) {
	t.Parallel()
	src, dst := t.TempDir(), filepath.Join(t.TempDir(), "packed")
	if err := enginetest.WriteCheckpoint(src, enginetest.Shape{}); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := runCommand("models", "pack", "--weights", "int8", src, dst); code != exitOK || !strings.Contains(out, "in int8") {
		t.Fatalf("exit %d, %s%s", code, out, errs)
	}
	if code, _, errs := runCommand("models", "pack", "--weights", "int8", src, dst); code != exitFailed || !strings.Contains(errs, "already") {
		t.Errorf("packing twice: exit %d, %s", code, errs)
	}
	file := packedPath(dst)
	for _, path := range []string{dst, file} {
		if code, out, errs := runCommand("models", "verify", path); code != exitOK || !strings.Contains(out, "all as their checksums say") {
			t.Errorf("exit %d, %s%s", code, out, errs)
		}
		if code, out, errs := runCommand("models", "describe", path); code != exitOK || !strings.Contains(out, "56 pixels, 16 image tokens") {
			t.Errorf("exit %d, %s%s", code, out, errs)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data[200] ^= 1
	if err := os.WriteFile(file, data, 0o666); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := runCommand("models", "verify", dst); code != exitFailed || !strings.Contains(errs, `tensor "vision_tower.`) || !strings.Contains(errs, "bytes 128 to") {
		t.Errorf("a damaged file: exit %d, %s", code, errs)
	}
	if code, _, errs := runCommand("models", "verify", src); code != exitFailed || errs == "" {
		t.Errorf("a folder that is not packed: exit %d, %s", code, errs)
	}
}

func TestBenchShape(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	if err := enginetest.WriteCheckpoint(src, enginetest.Shape{}); err != nil {
		t.Fatal(err)
	}
	code, out, errs := runCommand("bench", "--shape", src, "--weights", "int4", "--prompt", "4", "--steps", "2", "--pages", "1", "--memory", "1GiB", "--json")
	var line shapeLine
	if err := json.Unmarshal([]byte(out), &line); code != exitOK || err != nil || line.Weights != "int4" || line.Steps != 2 || line.TokensPerS <= 0 || line.Pixels != 56 {
		t.Errorf("exit %d, %v, %s%s", code, err, out, errs)
	}
	if code, _, errs := runCommand("bench", "--shape", "28b", "--weights", "int8", "--memory", "24GiB"); code != exitFailed || !strings.Contains(errs, "the memory budget is 25769803776") {
		t.Errorf("28B in 8 bits on 24 GiB: exit %d, %s", code, errs)
	}
	if code, _, errs := runCommand("bench", "--shape", "5b"); code != exitUsage || !strings.Contains(errs, "5b") {
		t.Errorf("an unknown shape: exit %d, %s", code, errs)
	}
}

// Formats are compared with float32: exactly what is off, within which limit, and of how much of the model.
func TestBenchQuality(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	if err := enginetest.WriteCheckpoint(src, enginetest.Shape{}); err != nil {
		t.Fatal(err)
	}
	args := []string{"bench", "--quality", "--shape", src, "--prompt", "4", "--steps", "2", "--memory", "1GiB", "--layers", "2"}
	code, out, errs := runCommand(append(args, "--json")...)
	var line qualityLine
	if err := json.Unmarshal([]byte(out), &line); code != exitOK || err != nil || len(line.Formats) != 4 || line.Tower != 2 || line.Decoder != 2 || line.Whole {
		t.Fatalf("exit %d, %v, %s%s", code, err, out, errs)
	}
	for i, want := range []string{"bf16", "sfp", "int8", "int4"} {
		if f := line.Formats[i]; f.Weights != want || !f.Within || f.Decode.Error <= 0 || f.Decode.Limit <= f.Decode.Error {
			t.Errorf("%+v, want %s", f, want)
		}
	}
	code, out, errs = runCommand(args...)
	for _, want := range []string{"only 2 layers of the tower and 2 of the decoder", "int4", "2 tokens after it"} {
		if code != exitOK || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in:\n%s%s", code, want, out, errs)
		}
	}
	if code, _, errs := runCommand("bench", "--quality", "--shape", "28b", "--memory", "1GiB"); code != exitFailed || !strings.Contains(errs, "one layer of the decoder") {
		t.Errorf("28B in 1 GiB: exit %d, %s", code, errs)
	}
}
