package tokenizer

import (
	"strings"
	"testing"
)

// TestRefusedJSON: what this package cannot do exactly, it refuses by name.
func TestRefusedJSON(t *testing.T) {
	edited := func(edit func(top, model map[string]any)) string { return string(smallJSON(t, edit)) }
	for name, c := range map[string]struct{ text, want string }{
		"empty":          {"", "no valid JSON"},
		"no object":      {"[]", "no valid JSON"},
		"cut":            {edited(nil)[:200], "no valid JSON"},
		"something else": {edited(nil) + "x", "follows"},
		"no model":       {"{}", "has no model"},
		"no vocab":       {edited(func(_, model map[string]any) { delete(model, "vocab") }), "no vocab"},
		"Unigram":        {edited(func(_, model map[string]any) { model["type"] = "Unigram" }), "only BPE"},
		"prefix":         {edited(func(_, model map[string]any) { model["continuing_subword_prefix"] = "##" }), "not supported"},
		"dropout":        {edited(func(_, model map[string]any) { model["dropout"] = 0.1 }), "dropout"},
		"unk":            {edited(func(_, model map[string]any) { model["unk_token"] = "?" }), "not in the vocabulary"},
		"merge":          {edited(func(_, model map[string]any) { model["merges"] = []any{"a z"} }), "not in the vocabulary"},
		"merge of one":   {edited(func(_, model map[string]any) { model["merges"] = []any{"a"} }), "not two pieces"},
		"merge of three": {edited(func(_, model map[string]any) { model["merges"] = []any{[]any{"a", "b", "c"}} }), "more than two"},
		"merge number":   {edited(func(_, model map[string]any) { model["merges"] = []any{7} }), "no valid JSON"},
		"huge id":        {edited(func(_, model map[string]any) { model["vocab"].(map[string]any)["z"] = 1 << 30 }), "ids from 0"},
		"negative id":    {edited(func(_, model map[string]any) { model["vocab"].(map[string]any)["z"] = -1 }), "ids from 0"},
		"fraction":       {edited(func(_, model map[string]any) { model["vocab"].(map[string]any)["z"] = 1.5 }), "no valid JSON"},
		"long piece":     {edited(func(_, model map[string]any) { model["vocab"].(map[string]any)[strings.Repeat("z", 1<<13)] = 16 }), "at most"},
		"normalizer":     {edited(func(top, _ map[string]any) { top["normalizer"] = map[string]any{"type": "NFKC"} }), "NFKC"},
		"regex": {edited(func(top, _ map[string]any) {
			top["normalizer"].(map[string]any)["pattern"] = map[string]any{"Regex": "x"}
		}), "not supported"},
		"pre_tokenizer": {edited(func(top, _ map[string]any) { top["pre_tokenizer"] = map[string]any{"type": "ByteLevel"} }), "ByteLevel"},
		"decoder":       {edited(func(top, _ map[string]any) { top["decoder"] = map[string]any{"type": "WordPiece"} }), "WordPiece"},
	} {
		_, err := parseJSON([]byte(c.text), names{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
}

// smallModel is a SentencePiece model of few pieces; the scores make "ab" come before "bc".
func smallModel() []modelPiece {
	return []modelPiece{
		{"<unk>", 0, typeUnknown}, {"<bos>", 0, typeControl}, {"\n", 0, typeUserDefined}, {"a", -10, typeNormal}, {"b", -11, typeNormal},
		{"c", -12, typeNormal}, {"ab", -1, typeNormal}, {"bc", -2, typeNormal}, {"▁", -13, typeNormal}, {"abc", -3, typeUnused}, {"<0x41>", 0, typeByte},
	}
}

func TestEncodeModel(t *testing.T) {
	for _, c := range []struct {
		text string
		want []int32
	}{
		{"", nil}, {"ab", []int32{6}}, {"bcb", []int32{7, 4}}, {"a b", []int32{3, 8, 4}}, {"a\nab", []int32{3, 2, 6}},
		{"abc", []int32{6, 5}}, // made, must not be written, taken apart as it was made
		{"aA", []int32{3, 10}}, {"axya", []int32{3, 0, 3}}, {"<bos>a", []int32{1, 3}},
	} {
		tok, err := parseModel(modelBytes(smallModel(), modelBPE, true), names{})
		must(t, err)
		got := tok.Encode(c.text)
		if len(got) != len(c.want) {
			t.Errorf("Encode(%q) = %v, want %v", c.text, got, c.want)
			continue
		}
		for i := range got {
			if got[i] != c.want[i] {
				t.Errorf("Encode(%q) = %v, want %v", c.text, got, c.want)
				break
			}
		}
	}
}

func TestRefusedModel(t *testing.T) {
	with := func(p modelPiece) string { return string(modelBytes(append(smallModel(), p), modelBPE, true)) }
	normalised := func(field int) string {
		return string(appendBytes(modelBytes(smallModel(), modelBPE, true), fieldNormalizer, appendNumber(nil, field, 1)))
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":        {"", "no pieces"},
		"noise":        {"\xff\xff\xff\xff", "no valid protocol buffer"},
		"cut":          {with(modelPiece{"zz", 0, typeNormal})[:60], "no valid protocol buffer"},
		"huge length":  {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "no valid protocol buffer"},
		"unigram":      {string(modelBytes(smallModel(), 1, true)), "only byte-pair encoding"},
		"dummy prefix": {normalised(fieldDummyPrefix), "normalisation"},
		"squeeze":      {normalised(fieldSqueeze), "normalisation"},
		"byte":         {with(modelPiece{"<0xGG>", 0, typeByte}), "no byte"},
		"type":         {with(modelPiece{"z", 0, 9}), "unknown type"},
		"empty piece":  {with(modelPiece{"", 0, typeNormal}), "no piece"},
		"not UTF-8":    {with(modelPiece{"\xff", 0, typeNormal}), "no piece"},
	} {
		_, err := parseModel([]byte(c.text), names{})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
}

func TestRefusedFolder(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"nothing":       {nil, "neither tokenizer.json nor tokenizer.model"},
		"bad config":    {map[string]string{"tokenizer.json": string(smallJSON(t, nil)), "tokenizer_config.json": "{"}, "tokenizer_config.json"},
		"clash of ids":  {map[string]string{"tokenizer.json": string(smallJSON(t, nil)), "added_tokens.json": `{"<new>": 6}`}, "have id 6"},
		"far away":      {map[string]string{"tokenizer.json": string(smallJSON(t, nil)), "added_tokens.json": `{"<new>": 1000000000}`}, "ids from 0"},
		"json is wrong": {map[string]string{"tokenizer.json": "{}", "tokenizer.model": string(modelBytes(smallModel(), modelBPE, true))}, "has no model"},
	} {
		files := map[string][]byte{}
		for file, text := range c.files {
			files[file] = []byte(text)
		}
		_, err := Load(writeDir(t, files))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one that says %q", name, err, c.want)
		}
	}
}
