package weights

import (
	"crypto/sha256"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"palimpsest.dev/engine/kernel"
)

// tiny packs two made-up tensors, a matrix of 70 x 40 and a vector of 5, and returns the file.
func tiny(t testing.TB, f kernel.Format) (dir string, file []byte) {
	t.Helper()
	numbers := func(n int) []byte {
		var data []byte
		for i := range n {
			data = binary.LittleEndian.AppendUint16(data, kernel.RoundBFloat16(float32(i%13)-5.5))
		}
		return data
	}
	c := &Checkpoint{dir: t.TempDir(), tensors: map[string]Tensor{
		"a": {Name: "a", DType: BF16, Shape: []int{30, 40}, Data: numbers(30 * 40)},
		"b": {Name: "b", DType: BF16, Shape: []int{40, 40}, Data: numbers(40 * 40)},
		"v": {Name: "v", DType: BF16, Shape: []int{5}, Data: numbers(5)},
	}}
	dir = t.TempDir()
	err := Pack(c, dir, f, func(c *Checkpoint) error {
		if _, err := c.Matrix(Float32, 40, Part{"a", 30}, Part{"b", 40}); err != nil {
			return err
		}
		_, err := c.Vector("v", 5)
		return err
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	file, err = os.ReadFile(filepath.Join(dir, PackedName))
	if err != nil {
		t.Fatal(err)
	}
	return dir, file
}

// TestPackedNumbers: what comes out of a packed file is what kernel.Pack makes of the stacked tensors.
func TestPackedNumbers(t *testing.T) {
	t.Parallel()
	for _, f := range kernel.Formats() {
		dir, _ := tiny(t, f)
		p, unmap, err := openPackedFile(filepath.Join(dir, PackedName))
		if err != nil {
			t.Fatal(err)
		}
		defer unmap()
		m, err := p.matrix(40, []Part{{"a", 30}, {"b", 40}})
		if err != nil {
			t.Fatal(err)
		}
		w := make([]float32, 70*40)
		for i := range w {
			w[i] = float32(i%13) - 5.5
			if i >= 30*40 {
				w[i] = float32((i-30*40)%13) - 5.5
			}
		}
		want, err := kernel.Pack(f, w, 70, 40)
		if err != nil {
			t.Fatal(err)
		}
		x, y := make([]float32, 40), make([]float32, 40)
		for i := range 70 {
			m.Row(i, x)
			want.Row(i, y)
			for j := range x {
				if x[j] != y[j] {
					t.Fatalf("%s: output %d input %d is %v, want %v", f, i, j, x[j], y[j])
				}
			}
		}
		v, err := p.vector("v", 5)
		if err != nil || v[4] != -1.5 {
			t.Errorf("%s: %v, %v", f, v, err)
		}
		if p.parameters() != 70*40+5 {
			t.Errorf("%d parameters", p.parameters())
		}
	}
}

// reseal writes index text into a file and makes the header fit it.
func reseal(file []byte, text string) []byte {
	at := binary.LittleEndian.Uint64(file[16:])
	out := append(append([]byte(nil), file[:at]...), text...)
	binary.LittleEndian.PutUint64(out[24:], uint64(len(text)))
	binary.LittleEndian.PutUint64(out[32:], uint64(len(out)))
	sum := sha256.Sum256([]byte(text))
	copy(out[40:], sum[:])
	return out
}

// TestPackedRefuses: a file cut anywhere, or with one bit of header or index changed, is refused; an index that lies is
// refused by tensor and byte.
func TestPackedRefuses(t *testing.T) {
	t.Parallel()
	_, file := tiny(t, kernel.Int4Format)
	if _, _, err := parsePacked(file); err != nil {
		t.Fatal(err)
	}
	for n := range len(file) {
		if _, _, err := parsePacked(file[:n]); err == nil {
			t.Fatalf("the first %d of %d bytes were accepted", n, len(file))
		}
	}
	at := int(binary.LittleEndian.Uint64(file[16:]))
	for i := range len(file) {
		if i >= packedHeader && i < at {
			continue // data: Verify's part
		}
		for bit := range 8 {
			damaged := append([]byte(nil), file...)
			damaged[i] ^= 1 << bit
			if _, _, err := parsePacked(damaged); err == nil {
				t.Fatalf("byte %d with bit %d changed was accepted", i, bit)
			}
		}
	}
	text := string(file[at:])
	for name, change := range map[string][3]string{
		"outputs":       {`"rows":70`, `"rows":700`, "\"a+b\" at byte 128: it needs the bytes up to"},
		"fewer outputs": {`"rows":70`, `"rows":64`, `"v" at byte 4992: it should begin at byte 2560`},
		"no outputs":    {`"rows":70`, `"rows":0`, `"a+b" at byte 128`},
		"below zero":    {`"rows":70`, `"rows":-70`, `"a+b" at byte 128`},
		"huge":          {`"rows":70,"cols":40`, `"rows":2147483647,"cols":65536`, `"a+b" at byte 128`},
		"inputs":        {`"cols":40`, `"cols":65537`, "65537 inputs"},
		"format":        {`"format":"int4"`, `"format":"int5"`, `"int5"`},
		"wider":         {`"format":"int4"`, `"format":"float32"`, "it needs the bytes up to"},
		"kind":          {`"kind":"matrix"`, `"kind":"scalar"`, `"scalar"`},
		"name":          {`"name":"v"`, `"name":"a+b"`, "there twice"},
		"no name":       {`"name":"v"`, `"name":""`, "empty"},
		"offset":        {`"offset":128`, `"offset":192`, "should begin at byte 128"},
		"checksum":      {`"sha256":"`, `"sha256":"zz`, "no checksum"},
		"long vector":   {`"rows":5,`, `"rows":50000,`, `tensor "v"`},
		"more fields":   {`"weights"`, `"surprise":1,"weights"`, "surprise"},
		"no tensors":    {text[strings.Index(text, `"tensors"`):], `"tensors":[]}`, "0 tensors"},
		"text behind":   {text, text + "x", "text behind"},
		"no JSON":       {text, "x", "index at byte"},
	} {
		lying := strings.Replace(text, change[0], change[1], 1)
		if lying == text {
			t.Errorf("%s: nothing was changed in %s", name, text)
		}
		if _, _, err := parsePacked(reseal(file, lying)); err == nil || !strings.Contains(err.Error(), change[2]) {
			t.Errorf("%s: %v, want %q", name, err, change[2])
		}
	}
}

// TestVerify: every byte of the data counts, and the tensor it lies in is named.
func TestVerify(t *testing.T) {
	t.Parallel()
	dir, file := tiny(t, kernel.Int8Format)
	if n, size, err := Verify(dir); err != nil || n != 2 || size != int64(len(file)) {
		t.Fatalf("%d tensors, %d bytes, %v", n, size, err)
	}
	path := filepath.Join(dir, PackedName)
	at := int(binary.LittleEndian.Uint64(file[16:]))
	for i := packedHeader; i < at; i += 37 {
		damaged := append([]byte(nil), file...)
		damaged[i] ^= 4
		if err := os.WriteFile(path, damaged, 0o666); err != nil {
			t.Fatal(err)
		}
		_, _, err := Verify(path)
		if err == nil || !strings.Contains(err.Error(), `"a+b"`) && !strings.Contains(err.Error(), `"v"`) || !strings.Contains(err.Error(), "byte") {
			t.Fatalf("byte %d changed: %v", i, err)
		}
	}
	// a scale becomes a NaN: refused when the matrix is asked for
	e, _ := packedTensor{Kind: kindMatrix, Format: kernel.Int8Format, Rows: 70, Cols: 40, Offset: packedHeader}.extent()
	copy(file[e.scales:], "\x00\x00\xc0\x7f")
	if err := os.WriteFile(path, file, 0o666); err != nil {
		t.Fatal(err)
	}
	p, unmap, err := openPackedFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer unmap()
	if _, err := p.matrix(40, []Part{{"a", 30}, {"b", 40}}); err == nil || !strings.Contains(err.Error(), "scale of output 0") {
		t.Errorf("a scale that is no number: %v", err)
	}
}

// FuzzPacked opens damaged packed files and reads whatever they say they hold.
func FuzzPacked(f *testing.F) {
	for _, format := range kernel.Formats() {
		_, file := tiny(f, format)
		f.Add(file, false)
		f.Add(file[binary.LittleEndian.Uint64(file[16:]):], true)
	}
	_, whole := tiny(f, kernel.Int4Format)
	f.Fuzz(func(t *testing.T, file []byte, index bool) {
		if index { // the text of an index, sealed as if by an attacker
			file = reseal(whole, string(file))
		}
		parsed, sum, err := parsePacked(file)
		if err != nil {
			return
		}
		p := &packed{path: "fuzz", file: alignedCopy(file), index: parsed, sum: sum, tensors: map[string]packedTensor{}}
		for _, line := range parsed.Tensors {
			p.tensors[line.Name] = line
			e, err := line.extent()
			if err != nil {
				t.Fatalf("%+v was accepted: %v", line, err)
			}
			if line.Kind == kindVector {
				if v, err := p.vector(line.Name, line.Rows); err != nil || len(v) != line.Rows {
					t.Fatalf("%+v: %v", line, err)
				}
				continue
			}
			m, err := p.stored(line, e)
			if err != nil {
				continue // scales that are no numbers
			}
			row, out := make([]float32, m.K()), make([]float32, m.N())
			m.Row(m.N()-1, row)
			kernel.MatMul(nil, out, m.N(), row, m.K(), 1, m, nil)
		}
	})
}

// alignedCopy lies as a mapped file does.
func alignedCopy(file []byte) []byte {
	floats := make([]float32, len(file)/4+1)
	data := floatBytes(floats)[:len(file)]
	copy(data, file)
	return data
}
