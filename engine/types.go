package engine

import (
	"image"
	"time"
)

// MaxImages is how many images one request may show. The published models were trained with up to 16, the frames
// of a video.
const MaxImages = 16

// DefaultMaxTokens is the length limit of an answer whose request names none.
const DefaultMaxTokens = 512

// Options says how a checkpoint is run. The zero value is right for most uses.
type Options struct {
	Threads     int    // threads for arithmetic; 0: as many as the process may use
	Arithmetic  string // "float32" (default) or "bfloat16": weights and matrix inputs rounded to bfloat16
	Adapter     string // folder of a LoRA adapter that is merged into the weights; "": none
	MaxBatch    int    // sequences decoded together; 0: DefaultMaxBatch
	MemoryLimit int64  // bytes for weights and key/value caches; 0: none. A request that would pass it waits
	Window      string // "reference" (default: full attention everywhere, as the weights were trained) or "hf5"

	laneWeights int64 // tests only: the bytes of weights up to which every thread computes its own sequences
}

// DefaultMaxBatch is how many sequences are decoded together when Options names no number.
const DefaultMaxBatch = 32

// Info describes an open checkpoint.
type Info struct {
	Name       string // last part of Dir
	Dir        string
	Parameters int64  // weights of the model, padding rows of the embedding table included
	ImageSize  int    // side of the square the model is shown, in pixels
	Vocab      int    // ids the model may write
	Kernel     string // kernels in use: see kernel.Name
	Arithmetic string // "float32" or "bfloat16"
	Weights    string // format of packed weights: "float32", "bf16", "sfp", "int8" or "int4"; "" where they are as published
	Window     string // "reference" or "hf5"
	Hash       string // SHA-256 over configuration, tokenizer and weights, in hex
	Bytes      int64  // memory the weights take
}

// Request is one question about one image.
type Request struct {
	Image     *image.RGBA   // ImageSize x ImageSize pixels
	More      []*image.RGBA // further images of that size, shown behind Image in this order; at most MaxImages in all
	Prompt    string        // without begin mark and closing newline; trailing newlines are dropped
	MaxTokens int           // most tokens in the answer; 0: DefaultMaxTokens
	// Grammar is the name of a language that the answer is kept in, "" for none: see package grammar for what
	// there is and what it promises. It chooses among the tokens and changes no probability. An answer that
	// MaxTokens or a repetition loop ends is closed first, by tokens of the grammar's choice, and says so in Stop.
	Grammar string
	OnToken func(Token) // called in order from Submit's goroutine for every token of the answer; may be nil
}

// Token is one token of an answer.
type Token struct {
	ID      int32
	Text    string
	LogProb float32 // natural logarithm of its probability among all ids the model may write, with a grammar or without
}

// Answer is what the model wrote.
type Answer struct {
	Text   string // without the end mark; location tokens appear as <loc0123>
	Tokens []Token
	Stop   Stop
	Timing Timing
}

// Stop says why an answer ended.
type Stop string

const (
	StopEnd    Stop = "end"    // the model wrote its end mark
	StopLength Stop = "length" // MaxTokens reached
	StopLoop   Stop = "loop"   // the model repeated itself; see Repeats
)

// Timing says where the time of an answer went.
type Timing struct {
	Wait    time.Duration // from Submit until work on it began
	Prefill time.Duration // vision tower and prompt, shared with the requests that began together
	Decode  time.Duration // from the first token to the last, shared with the whole batch
}
