package tokenizer

import (
	"encoding/binary"
	"math"
)

// modelPiece is one piece of a SentencePiece model that a test writes.
type modelPiece struct {
	piece string
	score float32
	typ   uint64
}

// modelBytes writes a SentencePiece ModelProto.
func modelBytes(pieces []modelPiece, modelType uint64, byteFallback bool) []byte {
	var out []byte
	for _, p := range pieces {
		var body []byte
		body = appendBytes(body, fieldPiece, []byte(p.piece))
		body = binary.AppendUvarint(body, fieldScore<<3|5)
		body = binary.LittleEndian.AppendUint32(body, math.Float32bits(p.score))
		body = appendNumber(body, fieldType, p.typ)
		out = appendBytes(out, fieldPieces, body)
	}
	trainer := appendNumber(nil, fieldModelType, modelType)
	if byteFallback {
		trainer = appendNumber(trainer, fieldByteFallback, 1)
	}
	out = appendBytes(out, fieldTrainer, trainer)
	normalizer := appendBytes(nil, 1, []byte("identity"))
	normalizer = appendNumber(normalizer, fieldDummyPrefix, 0)
	normalizer = appendNumber(normalizer, fieldSqueeze, 0)
	return appendBytes(out, fieldNormalizer, normalizer)
}

func appendNumber(b []byte, field int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, uint64(field)<<3), v)
}

func appendBytes(b []byte, field int, v []byte) []byte {
	b = binary.AppendUvarint(b, uint64(field)<<3|2)
	return append(binary.AppendUvarint(b, uint64(len(v))), v...)
}
