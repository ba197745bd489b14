// Package engine answers questions about images with PaliGemma 2 or 1, computed on the processor: it reads a
// checkpoint folder as Hugging Face publishes it, or maps one that Pack wrote in 16, 8 or 4 bits, batches the requests of many callers continuously and
// decodes greedily, within a grammar where one is asked for. It knows nothing of documents.
//
// The layers, from top to bottom:
//
//	engine             Open, Submit, Score, Close: prompts to token ids, images to pixels, tokens to text
//	batch              who runs next: admission, memory, cancellation, one decoding step after the other
//	grammar            which tokens an answer may go on with
//	siglip, gemma      the vision tower with the projector, and the decoder with its key/value cache
//	weights, tokenizer the files of a checkpoint
//	kernel, mat, pool  arithmetic, scratch buffers, threads
//
// # Shapes
//
// Every tensor has its shape beside it, row-major, in these letters:
//
//	S  side of the image in pixels          P  patches of one image, (S/14)²
//	B  images or sequences in a batch       V  width of the vision tower
//	A  attention heads of the vision tower  a  width of one of them, V/A
//	M  width of the vision tower's MLP
//	T  positions of one sequence: P image tokens of each image, then BOS, prompt, newline, answer
//	R  rows of one pass through the decoder: positions of all sequences in the batch
//	D  width of the decoder                 F  width of its MLP
//	H  query heads                          K  key/value heads, H/K queries share one
//	d  width of a head (head_dim)           W  rows of the embedding table
//	L  layers
package engine
