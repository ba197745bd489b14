package tokenizer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// smallJSON is a tokenizer.json of few pieces. edit changes it before it is written.
func smallJSON(t testing.TB, edit func(top, model map[string]any)) []byte {
	t.Helper()
	vocab := map[string]any{"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "\n": 4, "▁": 5, "a": 6, "b": 7, "c": 8, "ab": 9, "abc": 10, "bc": 11, "▁a": 12}
	added := []any{}
	for i, content := range []string{"<pad>", "<eos>", "<bos>", "<unk>", "\n"} {
		added = append(added, token(i, content))
	}
	model := map[string]any{"type": "BPE", "unk_token": "<unk>", "fuse_unk": false, "byte_fallback": false, "vocab": vocab,
		"merges": []any{"a b", "b c", "ab c", "▁ a"}}
	top := map[string]any{"added_tokens": append(added, token(13, "<loc0000>"), token(14, "<loc0001>"), token(15, "<image>")),
		"normalizer": map[string]any{"type": "Replace", "pattern": map[string]any{"String": " "}, "content": "▁"},
		"decoder":    map[string]any{"type": "Sequence", "decoders": []any{map[string]any{"type": "Replace", "pattern": map[string]any{"String": "▁"}, "content": " "}, map[string]any{"type": "ByteFallback"}, map[string]any{"type": "Fuse"}}},
		"model":      model}
	if edit != nil {
		edit(top, model)
	}
	return marshal(t, top)
}

func token(id int, content string) map[string]any {
	return map[string]any{"id": id, "content": content, "normalized": false, "special": strings.HasPrefix(content, "<")}
}

func small(t testing.TB, edit func(top, model map[string]any)) *Tokenizer {
	t.Helper()
	tok, err := parseJSON(smallJSON(t, edit), names{})
	must(t, err)
	return tok
}

func addBytes(_, model map[string]any) {
	model["byte_fallback"] = true
	for i := range 256 {
		model["vocab"].(map[string]any)[fmt.Sprintf("<0x%02X>", i)] = 100 + i
	}
}

func TestEncode(t *testing.T) {
	for _, c := range []struct {
		name, text string
		edit       func(top, model map[string]any)
		want       []int32
	}{
		{"nothing", "", nil, []int32{}},
		{"first merge wins", "abc", nil, []int32{10}},
		{"leftmost of equals", "ababc", nil, []int32{9, 10}},
		{"no merge across", "bca", nil, []int32{11, 6}},
		{"space", "a a", nil, []int32{6, 12}},
		{"newline stands alone", "a\nb", nil, []int32{6, 4, 7}},
		{"locations are whole", "<loc0000><loc0001>ab", nil, []int32{13, 14, 9}},
		{"location out of range", "<loc0002>", nil, []int32{3, 3, 3, 8, 3, 3, 3, 3, 3}},
		{"unknown each", "xyab", nil, []int32{3, 3, 9}},
		{"unknown fused", "xyab", func(_, model map[string]any) { model["fuse_unk"] = true }, []int32{3, 9}},
		{"unknown dropped", "xaybz", func(_, model map[string]any) { model["unk_token"] = nil }, []int32{9}},
		{"only unknown dropped", "xyz", func(_, model map[string]any) { model["unk_token"] = nil }, []int32{}},
		{"bytes", "aé", addBytes, []int32{6, 100 + 0xC3, 100 + 0xA9}},
		{"not UTF-8", "a\xffb", addBytes, []int32{6, 100 + 0xEF, 100 + 0xBF, 100 + 0xBD, 7}},
		{"no merges", "abc a", func(_, model map[string]any) { model["merges"] = []any{} }, []int32{6, 7, 8, 5, 6}},
		{"merges left out", "abc", func(_, model map[string]any) { delete(model, "merges") }, []int32{6, 7, 8}},
		{"merges as arrays", "abc", func(_, model map[string]any) {
			model["merges"] = []any{[]any{"a", "b"}, []any{"ab", "c"}}
		}, []int32{10}},
		{"prepend", "ab", func(top, _ map[string]any) {
			top["normalizer"] = map[string]any{"type": "Sequence", "normalizers": []any{map[string]any{"type": "Prepend", "prepend": "▁"}, top["normalizer"]}}
		}, []int32{5, 9}},
		{"metaspace", "a a", func(top, _ map[string]any) {
			top["normalizer"] = nil
			top["pre_tokenizer"] = map[string]any{"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": false}
		}, []int32{6, 12}},
		{"split after a piece", "aba", func(top, _ map[string]any) {
			top["pre_tokenizer"] = map[string]any{"type": "Split", "pattern": map[string]any{"String": "a"}, "behavior": "MergedWithPrevious"}
		}, []int32{6, 7, 6}},
		{"added after normalisation", "b a b", func(top, _ map[string]any) {
			tok := token(16, " a")
			tok["normalized"] = true
			top["added_tokens"] = append(top["added_tokens"].([]any), tok)
		}, []int32{7, 16, 5, 7}},
		{"strips", "b  <mask>  b", func(top, _ map[string]any) {
			tok := token(16, "<mask>")
			tok["lstrip"], tok["rstrip"] = true, true
			top["added_tokens"] = append(top["added_tokens"].([]any), tok)
		}, []int32{7, 16, 7}},
		{"single word", "bab ab", func(top, _ map[string]any) {
			tok := token(16, "ab")
			tok["single_word"] = true
			top["added_tokens"] = append(top["added_tokens"].([]any), tok)
		}, []int32{7, 9, 5, 16}},
		{"longest added token", "aabcab", func(top, _ map[string]any) {
			top["added_tokens"] = append(top["added_tokens"].([]any), token(16, "ab"), token(17, "abca"))
		}, []int32{6, 17, 7}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := small(t, c.edit).Encode(c.text); !slices.Equal(got, c.want) {
				t.Errorf("Encode(%q) = %v, want %v", c.text, got, c.want)
			}
		})
	}
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		ids  []int32
		want string
	}{
		{nil, ""}, {[]int32{6, 12, 5}, "a a "}, {[]int32{2, 13, 9, 4, 1}, "<bos><loc0000>ab\n<eos>"}, {[]int32{-1, 6, 99, 1 << 30}, "a"},
		{[]int32{100 + 0xC3, 100 + 0xA9, 6}, "éa"}, {[]int32{6, 100 + 0xC3, 6}, "a\uFFFDa"}, {[]int32{100 + 0xE2, 100 + 0x82}, "\uFFFD\uFFFD"},
	} {
		if got := small(t, addBytes).Decode(c.ids); got != c.want {
			t.Errorf("Decode(%v) = %q, want %q", c.ids, got, c.want)
		}
	}
}

// TestSpecialIDs: they come from the files, whatever they are called there, and are -1 where
// there are none.
func TestSpecialIDs(t *testing.T) {
	plain := Special{PAD: 0, EOS: 1, BOS: 2, UNK: 3, Newline: 4, Loc0: 13, Locs: 2, Image: 15, Seg0: -1}
	for _, c := range []struct {
		name  string
		files map[string]string
		want  func(*Special)
	}{
		{"usual names", nil, func(*Special) {}},
		{"token map", map[string]string{"special_tokens_map.json": `{"eos_token": "c", "bos_token": {"content": "b"}}`}, func(s *Special) { s.EOS, s.BOS = 8, 7 }},
		{"config", map[string]string{"tokenizer_config.json": `{"eos_token": {"content": "\n"}, "pad_token": null, "image_token": "<loc0001>"}`},
			func(s *Special) { s.EOS, s.Image = 4, 14 }},
		{"added by config", map[string]string{"tokenizer_config.json": `{"added_tokens_decoder": {"16": {"content": "<seg000>"}, "13": {"content": "<loc0000>"}}}`},
			func(s *Special) { s.Seg0, s.Segs = 16, 1 }},
		{"added_tokens.json", map[string]string{"added_tokens.json": `{"<seg000>": 20, "<seg001>": 21}`}, func(s *Special) { s.Seg0, s.Segs = 20, 2 }},
		{"missing name", map[string]string{"special_tokens_map.json": `{"eos_token": "<nowhere>"}`}, func(s *Special) { s.EOS = -1 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := map[string][]byte{"tokenizer.json": smallJSON(t, nil)}
			for name, text := range c.files {
				files[name] = []byte(text)
			}
			tok, err := Load(writeDir(t, files))
			must(t, err)
			want := plain
			c.want(&want)
			if got := tok.Special(); got != want {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
}

func TestPieces(t *testing.T) {
	tok := small(t, nil)
	for id := range int32(tok.Size()) {
		piece := tok.Piece(id)
		if back, ok := tok.ID(piece); !ok || back != id {
			t.Errorf("Piece(%d) = %q, whose id is %d, %v", id, piece, back, ok)
		}
	}
	if _, ok := tok.ID("nowhere"); ok || tok.Piece(-1) != "" || tok.Piece(16) != "" || tok.Size() != 16 {
		t.Errorf("there is something outside the vocabulary of %d", tok.Size())
	}
}

// TestDefaultModel reads the tokenizer of the default model, where there is one already.
func TestDefaultModel(t *testing.T) {
	dir := filepath.Join("..", "..", "models", "mini")
	data, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Skipf("no default model here yet: %v", err)
	}
	tok, err := Load(dir)
	must(t, err)
	var file struct {
		Model struct {
			Vocab map[string]int32 `json:"vocab"`
		} `json:"model"`
	}
	must(t, json.Unmarshal(data, &file))
	s := tok.Special()
	if s.BOS < 0 || s.EOS < 0 || s.PAD < 0 || s.UNK < 0 || s.Newline < 0 || s.Image < 0 || s.Loc0 < 0 || s.Locs != 1024 {
		t.Errorf("special ids %+v: some are missing", s)
	}
	text := "<loc0012><loc0034><loc0056><loc1023>Total:<loc0000><loc0001><loc0002><loc0003>12.50 EUR"
	ids := tok.Encode(text)
	if got := tok.Decode(ids); got != text {
		t.Errorf("%q comes back as %q", text, got)
	}
	if want := []int32{s.Loc0 + 12, s.Loc0 + 34, s.Loc0 + 56, s.Loc0 + 1023, file.Model.Vocab["T"]}; !slices.Equal(ids[:5], want) {
		t.Errorf("Encode(%q) begins %v, want %v", text, ids[:5], want)
	}
}

// TestLongStretch: a megabyte without a break takes no square of its length.
func TestLongStretch(t *testing.T) {
	n := 1 << 19
	if raceDetector {
		n = 1 << 14
	}
	ids := small(t, nil).Encode(strings.Repeat("ab", n))
	if len(ids) != n || ids[0] != 9 || ids[n-1] != 9 {
		t.Errorf("%d ids, want %d times 9", len(ids), n)
	}
}
