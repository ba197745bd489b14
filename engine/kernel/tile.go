package kernel

const (
	// panelWidth is the number of outputs interleaved in one panel: one 512-bit register or two
	// 256-bit ones, so that a product needs no horizontal sums.
	panelWidth = 16
	// groupPanels panels form the smallest piece of outputs that a job works on. Four panels are
	// what the one-row tile reads side by side: several streams from memory are faster than one.
	groupPanels = 4
	// groupWidth is the number of outputs of a group; packed matrices are padded to whole groups.
	groupWidth = panelWidth * groupPanels
	// blockK is how many inputs are summed before the partial sum is added to the output. 256 x 16
	// float32 are 16 KiB: one panel's block stays in a 32 KiB first-level cache beside the rows it
	// meets. It also bounds rounding: sums are at most 256 long, then added up.
	blockK = 256
	// blockRows rows by blockK inputs (120 KiB) stay in the second-level cache while the panels
	// of a group pass by. A multiple of both 6 and 12, the heights of the largest tiles.
	blockRows = 120
	// widenRows is the number of rows from which on it pays to widen a block of bfloat16 weights
	// once, into the second-level cache, instead of in every tile that meets it.
	widenRows = 24
	// serialWork is the number of multiply-adds under which a product is not worth waking other
	// threads for (some ten microseconds of one core).
	serialWork = 200_000
	// jobWork is the number of multiply-adds one job should have at least, so that handing out
	// jobs costs nothing beside doing them.
	jobWork = 1_000_000
	// residentInputs is the number of inputs of all rows up to which they are taken to stay in the
	// caches while all weights pass by once; beyond it the weights pass by once for every block of rows.
	residentInputs = 4 << 20
	// keyTile is the number of positions in one tile of a KV: the length of the score rows that
	// online softmax works on. Four panels of keys.
	keyTile = 64
	// queryTile is the number of query rows that share one pass over the keys.
	queryTile = 48
)
