//go:build amd64 && !purego && linux

package kernel_test

import (
	"bytes"
	"debug/elf"
	"debug/gosym"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// instruction is one line of a disassembly in Intel's syntax.
type instruction struct {
	at       uint64
	name     string
	operands []string
}

// testProgram is the file of the program that runs.
func testProgram(t *testing.T) *elf.File {
	t.Helper()
	path, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	exe, err := elf.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { exe.Close() })
	return exe
}

// disassemble takes the functions of this test program whose names end as asked for apart, with
// binutils' objdump: a decoder that has nothing to do with Go's assembler.
func disassemble(t *testing.T, suffix string) map[string][]instruction {
	t.Helper()
	objdump, err := exec.LookPath("objdump")
	if err != nil {
		t.Skip("no objdump here (package binutils): the AVX-512 code is not checked by emulation")
	}
	exe := testProgram(t)
	text, code := section(t, exe, ".text")
	_, lines := section(t, exe, ".gopclntab")
	table, err := gosym.NewTable(nil, gosym.NewLineTable(lines, text.Addr))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string][]instruction{}
	for _, f := range table.Funcs {
		_, name, _ := strings.Cut(f.Name, "engine/kernel.")
		name = strings.TrimSuffix(name, ".abi0")
		if !strings.HasPrefix(name, "tile") && !strings.HasPrefix(name, "ceiling") || !strings.HasSuffix(name, suffix) || len(found[name]) > 0 {
			continue
		}
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, code[f.Entry-text.Addr:f.End-text.Addr], 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(objdump, "-D", "-b", "binary", "-m", "i386:x86-64", "-M", "intel", "--no-show-raw-insn",
			"--adjust-vma=0x"+strconv.FormatUint(f.Entry, 16), file).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if list := parseListing(out); calls(list) == 0 { // not Go's wrapper around it
			found[name] = list
		}
	}
	return found
}

func section(t *testing.T, exe *elf.File, name string) (*elf.Section, []byte) {
	t.Helper()
	s := exe.Section(name)
	if s == nil {
		t.Fatalf("the test program has no section %s", name)
	}
	data, err := s.Data()
	if err != nil {
		t.Fatal(err)
	}
	return s, data
}

// parseListing reads lines such as "  4a1b20:	vfmadd231ps zmm0,zmm26,zmm24".
func parseListing(out []byte) []instruction {
	var list []instruction
	for line := range bytes.Lines(out) {
		place, rest, ok := strings.Cut(strings.TrimSpace(string(line)), ":\t")
		at, err := strconv.ParseUint(strings.TrimSpace(place), 16, 64)
		if !ok || err != nil {
			continue
		}
		name, operands, _ := strings.Cut(rest, " ")
		in := instruction{at: at, name: name}
		operands, _, _ = strings.Cut(operands, "#")
		for _, op := range strings.Split(strings.TrimSpace(operands), ",") {
			if op = strings.TrimSpace(op); op != "" {
				in.operands = append(in.operands, op)
			}
		}
		list = append(list, in)
	}
	return list
}

func calls(list []instruction) (n int) {
	for _, in := range list {
		if in.name == "call" {
			n++
		}
	}
	return n
}
