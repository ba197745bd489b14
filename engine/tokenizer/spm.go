package tokenizer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unicode/utf8"
)

// Fields and values of sentencepiece_model.proto that matter here.
const (
	fieldPieces, fieldTrainer, fieldNormalizer    = 1, 2, 3
	fieldPiece, fieldScore, fieldType             = 1, 2, 3
	fieldModelType, fieldByteFallback             = 3, 35
	fieldCharsMap, fieldDummyPrefix, fieldSqueeze = 2, 3, 4
	modelBPE                                      = 2
	typeNormal, typeUnknown, typeControl          = 1, 2, 3
	typeUserDefined, typeUnused, typeByte         = 4, 5, 6
)

// errProto says that a tokenizer.model is no protocol buffer.
var errProto = errors.New("is no valid protocol buffer")

// parseModel reads a tokenizer.model: a SentencePiece ModelProto of type BPE.
func parseModel(data []byte, names names) (*Tokenizer, error) {
	t := newTokenizer()
	if err := t.readProto(data); err != nil {
		return nil, fmt.Errorf("tokenizer.model: %w", err)
	}
	return t, t.finish(names)
}

// proto is what the parser gathers before it makes sense of it.
type proto struct {
	modelType    uint64
	byteFallback bool
	charsMap     int
	dummyPrefix  bool
	squeeze      bool
	scores       []float32
}

func (t *Tokenizer) readProto(data []byte) error {
	p := proto{modelType: 1, dummyPrefix: true, squeeze: true}
	t.vocab, t.kinds = map[string]int32{}, map[int32]kind{}
	err := messageFields(data, func(field int, value uint64, body []byte) error {
		switch field {
		case fieldPieces:
			return t.addModelPiece(body, &p)
		case fieldTrainer:
			return messageFields(body, func(field int, value uint64, _ []byte) error {
				switch field {
				case fieldModelType:
					p.modelType = value
				case fieldByteFallback:
					p.byteFallback = value != 0
				}
				return nil
			})
		case fieldNormalizer:
			return messageFields(body, func(field int, value uint64, body []byte) error {
				switch field {
				case fieldCharsMap:
					p.charsMap = len(body)
				case fieldDummyPrefix:
					p.dummyPrefix = value != 0
				case fieldSqueeze:
					p.squeeze = value != 0
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	switch {
	case len(t.pieces) == 0:
		return errors.New("has no pieces")
	case p.modelType != modelBPE:
		return fmt.Errorf("model type %d is not supported, only byte-pair encoding (%d)", p.modelType, modelBPE)
	case p.charsMap != 0 || p.dummyPrefix || p.squeeze:
		return errors.New("its text normalisation is not supported: Gemma's is the identity, without added or removed spaces")
	}
	if !p.byteFallback {
		for i := range t.bytes {
			t.bytes[i] = -1
		}
	}
	t.fuseUnk, t.resolve = true, unknownLast
	t.rewrite = []replacement{{from: " ", to: Space}}
	t.decode = decoder{replace: []replacement{{from: Space, to: " "}}, bytes: true}
	t.joiner = t.rankScores(p.scores)
	return nil
}

// addModelPiece enters the next piece; its id is its place in the file.
func (t *Tokenizer) addModelPiece(body []byte, p *proto) error {
	id := int32(len(t.pieces))
	var piece string
	var score float32
	typ := uint64(typeNormal)
	err := messageFields(body, func(field int, value uint64, body []byte) error {
		switch field {
		case fieldPiece:
			piece = string(body)
		case fieldScore:
			score = math.Float32frombits(uint32(value))
		case fieldType:
			typ = value
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("piece %d: %w", id, err)
	}
	if piece == "" || !utf8.ValidString(piece) || score != score {
		return fmt.Errorf("piece %d: %q with score %v is no piece", id, clip(piece), score)
	}
	if err := t.setPiece(id, piece); err != nil {
		return err
	}
	p.scores = append(p.scores, score)
	switch typ {
	case typeNormal:
		t.vocab[piece] = id
	case typeUnused:
		t.vocab[piece] = id
		t.kinds[id] = kindUnused
	case typeUserDefined:
		t.vocab[piece] = id
		t.added[1].add(addedToken{id: id, content: piece})
	case typeControl, typeUnknown:
		// SentencePiece never finds these in text; transformers does, and so do prompts.
		t.kinds[id] = kindControl
		t.added[0].add(addedToken{id: id, content: piece})
		if typ == typeUnknown {
			t.unk = id
		}
	case typeByte:
		b, ok := byteOf(piece)
		if !ok {
			return fmt.Errorf("piece %d: %q is no byte", id, clip(piece))
		}
		t.kinds[id] = kindByte
		t.bytes[b] = id
	default:
		return fmt.Errorf("piece %d (%q) has the unknown type %d", id, clip(piece), typ)
	}
	return nil
}

// rankScores turns scores into ranks, the best score first, equal ranks for equal scores.
func (t *Tokenizer) rankScores(all []float32) *scores {
	order := make([]int32, len(all))
	longest := 0
	for i := range order {
		order[i] = int32(i)
		longest = max(longest, len(t.pieces[i]))
	}
	slices.SortStableFunc(order, func(a, b int32) int {
		switch {
		case all[a] > all[b]:
			return -1
		case all[a] < all[b]:
			return 1
		}
		return 0
	})
	rank := make([]uint32, len(all))
	for i, id := range order {
		rank[id] = uint32(i)
		if i > 0 && all[order[i-1]] == all[id] {
			rank[id] = rank[order[i-1]]
		}
	}
	return &scores{vocab: t.vocab, rank: rank, longest: int32(longest)}
}

// messageFields calls f for every field of a protocol buffer message: with its number and its
// value, or its bytes where it has a length.
func messageFields(data []byte, f func(field int, value uint64, body []byte) error) error {
	for len(data) > 0 {
		key, n := binary.Uvarint(data)
		if n <= 0 || key>>3 == 0 || key>>3 > 1<<29 {
			return errProto
		}
		data = data[n:]
		var value uint64
		var body []byte
		switch key & 7 {
		case 0:
			value, n = binary.Uvarint(data)
		case 1:
			if n = 8; len(data) >= n {
				value = binary.LittleEndian.Uint64(data)
			}
		case 2:
			var size uint64
			size, n = binary.Uvarint(data)
			if n <= 0 || size > uint64(len(data)-n) {
				return errProto
			}
			body = data[n : n+int(size)]
			n += int(size)
		case 5:
			if n = 4; len(data) >= n {
				value = uint64(binary.LittleEndian.Uint32(data))
			}
		default:
			return errProto
		}
		if n <= 0 || n > len(data) {
			return errProto
		}
		data = data[n:]
		if err := f(int(key>>3), value, body); err != nil {
			return err
		}
	}
	return nil
}
