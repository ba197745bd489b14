package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// file joins a header and data as a safetensors file.
func file(header string, data int) []byte {
	f := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(f, header...), make([]byte, data)...)
}

func TestParse(t *testing.T) {
	t.Parallel()
	f := file(`{"b":{"dtype":"BF16","shape":[3],"data_offsets":[8,14]},"__metadata__":{"format":"pt"},
		"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"none":{"dtype":"F32","shape":[0,7],"data_offsets":[8,8]},
		"one":{"dtype":"I64","shape":[],"data_offsets":[14,22]}} `, 22)
	tensors, err := Parse(f)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, x := range tensors {
		got = append(got, fmt.Sprintf("%s %s%v%d", x.Name, x.DType, x.Shape, len(x.Data)))
	}
	want := []string{"a F32[2 1]8", "none F32[0 7]0", "b BF16[3]6", "one I64[]8"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
	if _, err := tensors[3].Float32s(); err == nil {
		t.Error("64-bit integers were read as weights")
	}
}

// TestParseRefuses gives the reader what a stranger might.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	entry := func(fields string) string { return `{"w":{` + fields + `}}` }
	good := entry(`"dtype":"F32","shape":[2],"data_offsets":[0,8]`)
	for _, c := range []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "0 bytes"},
		{"seven bytes", make([]byte, 7), "7 bytes"},
		{"header longer than the file", file(good, 8)[:20], "incomplete"},
		{"header of exabytes", slices.Concat([]byte{255, 255, 255, 255, 255, 255, 255, 255}, make([]byte, 9)), "limit"},
		{"no object", file(`[]`, 0), "no JSON object"},
		{"cut object", file(`{"w":`, 0), "EOF"},
		{"text behind", file(good+"x", 8), "after"},
		{"twice", file(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "twice"},
		{"unknown type", file(entry(`"dtype":"F12","shape":[2],"data_offsets":[0,8]`), 8), "unknown type"},
		{"negative dimension", file(entry(`"dtype":"F32","shape":[-2],"data_offsets":[0,8]`), 8), "does not fit"},
		{"product past 64 bits", file(entry(`"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,8]`), 8), "does not fit"},
		{"dimension past 64 bits", file(entry(`"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]`), 8), "cannot unmarshal"},
		{"fraction", file(entry(`"dtype":"F32","shape":[1.5],"data_offsets":[0,8]`), 8), "cannot unmarshal"},
		{"many dimensions", file(entry(`"dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8]`), 8), "dimensions"},
		{"backwards", file(entry(`"dtype":"F32","shape":[2],"data_offsets":[8,0]`), 8), "outside"},
		{"before the data", file(entry(`"dtype":"F32","shape":[2],"data_offsets":[-8,0]`), 8), "outside"},
		{"behind the data", file(entry(`"dtype":"F32","shape":[2],"data_offsets":[8,16]`), 8), "outside"},
		{"too few bytes", file(entry(`"dtype":"F32","shape":[2],"data_offsets":[0,4]`), 4), "does not fit"},
		{"too many bytes", file(entry(`"dtype":"F32","shape":[2],"data_offsets":[0,12]`), 12), "needs 8 bytes"},
		{"bytes nobody owns", file(good, 9), "end at byte"},
		{"hole", file(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}`, 3), "hole"},
		{"overlap", file(`{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), "overlap"},
		{"metadata that is no text", file(`{"__metadata__":{"a":1}}`, 0), "__metadata__"},
		{"long name", file(`{"`+strings.Repeat("w", maxName+1)+`":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1), "name"},
	} {
		if _, err := Parse(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want something about %q", c.name, err, c.want)
		}
	}
}

// FuzzParse looks for headers that make the reader crash, reach outside the file, or accept two tensors that
// share bytes.
func FuzzParse(f *testing.F) {
	f.Add(file(`{"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},"b":{"dtype":"BF16","shape":[0],"data_offsets":[8,8]}}`, 8))
	f.Add(file(`{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}`, 8))
	f.Add(file(`{"__metadata__":{"a":"b"}}`, 0))
	f.Add([]byte{255, 255, 255, 255, 255, 255, 255, 127, '{', '}'})
	f.Fuzz(func(t *testing.T, data []byte) {
		tensors, err := Parse(data)
		if err != nil {
			return
		}
		total := 0
		for _, x := range tensors {
			total += len(x.Data)
			if int64(x.Len())*widths[x.DType] != int64(len(x.Data)) {
				t.Fatalf("%s: %d elements of %s in %d bytes", x.Name, x.Len(), x.DType, len(x.Data))
			}
			if x.DType == F32 || x.DType == BF16 || x.DType == F16 {
				if v, err := x.Float32s(); err != nil || len(v) != x.Len() {
					t.Fatalf("%s: %d numbers, %v", x.Name, len(v), err)
				}
			}
		}
		header := binary.LittleEndian.Uint64(data)
		if uint64(total)+8+header != uint64(len(data)) {
			t.Fatalf("tensors hold %d bytes of a file of %d with a header of %d", total, len(data), header)
		}
	})
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	half := func(bits ...uint16) []byte {
		var b []byte
		for _, v := range bits {
			b = binary.LittleEndian.AppendUint16(b, v)
		}
		return b
	}
	f16 := Tensor{Name: "h", DType: F16, Shape: []int{9}, Data: half(0x3c00, 0xc000, 0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0xfc00)}
	got, err := f16.Float32s()
	want := []float32{1, -2, 0, float32(math.Copysign(0, -1)), 0x1p-24, 1023 * 0x1p-24, 0x1p-14, 65504, float32(math.Inf(-1))}
	if err != nil || !slices.EqualFunc(got, want, func(a, b float32) bool { return math.Float32bits(a) == math.Float32bits(b) }) {
		t.Errorf("F16: %v, want %v (%v)", got, want, err)
	}
	if nan := halfToFloat32(0x7e00); nan == nan {
		t.Error("a half NaN became a number")
	}
	bf16 := Tensor{Name: "b", DType: BF16, Shape: []int{3}, Data: half(0x3f80, 0xc040, 0x7f80)}
	got, err = bf16.Float32s()
	if want := []float32{1, -3, float32(math.Inf(1))}; err != nil || !slices.Equal(got, want) {
		t.Errorf("BF16: %v, want %v (%v)", got, want, err)
	}
	if same, err := bf16.BFloat16s(); err != nil || !slices.Equal(same, []uint16{0x3f80, 0xc040, 0x7f80}) {
		t.Errorf("BF16 as stored: %x (%v)", same, err)
	}
	if rounded, err := f16.BFloat16s(); err != nil || rounded[0] != 0x3f80 || rounded[7] != 0x4780 { // 65504 rounds up to 65536
		t.Errorf("F16 rounded: %x (%v)", rounded, err)
	}
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"language_model.model.layers.3.mlp.up_proj.weight":               "language_model.layers.3.mlp.up_proj.weight",
		"model.language_model.layers.3.mlp.up_proj.weight":               "language_model.layers.3.mlp.up_proj.weight",
		"language_model.model.norm.weight":                               "language_model.norm.weight",
		"language_model.lm_head.weight":                                  "language_model.lm_head.weight",
		"lm_head.weight":                                                 "language_model.lm_head.weight",
		"vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias":        "vision_tower.encoder.layers.0.mlp.fc1.bias",
		"model.vision_tower.vision_model.encoder.layers.0.mlp.fc1.bias":  "vision_tower.encoder.layers.0.mlp.fc1.bias",
		"model.vision_tower.encoder.layers.0.mlp.fc1.bias":               "vision_tower.encoder.layers.0.mlp.fc1.bias",
		"multi_modal_projector.linear.weight":                            "multi_modal_projector.linear.weight",
		"model.multi_modal_projector.linear.weight":                      "multi_modal_projector.linear.weight",
		"vision_tower.vision_model.embeddings.position_embedding.weight": "vision_tower.embeddings.position_embedding.weight",
	} {
		if got := Normalise(name); got != want {
			t.Errorf("%s became %s, want %s", name, got, want)
		}
	}
}

func TestIndex(t *testing.T) {
	t.Parallel()
	where, files, err := parseIndex([]byte(`{"metadata":{"total_size":9},"weight_map":{"b":"two.safetensors","a":"one.safetensors","c":"two.safetensors"}}`))
	if err != nil || !slices.Equal(files, []string{"one.safetensors", "two.safetensors"}) || cmp.Diff(where, map[string]string{"a": "one.safetensors", "b": "two.safetensors", "c": "two.safetensors"}) != "" {
		t.Errorf("%v, %v, %v", where, files, err)
	}
	for _, bad := range []string{"", "{}", "[]", `{"weight_map":{}}`, `{"weight_map":{"a":1}}`, `{"weight_map":{"a":"../one.safetensors"}}`,
		`{"weight_map":{"a":"/etc/one.safetensors"}}`, `{"weight_map":{"a":"x\\one.safetensors"}}`, `{"weight_map":{"a":"shadow"}}`, `{"weight_map":{"a":""}}`} {
		if _, _, err := parseIndex([]byte(bad)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"weight_map":{"a":"one.safetensors","b":"../two.safetensors"}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		_, files, err := parseIndex(text)
		for _, name := range files {
			if err == nil && (strings.ContainsAny(name, `/\`) || name == "" || name[0] == 0) {
				t.Fatalf("the index leads to %q", name)
			}
		}
	})
}
