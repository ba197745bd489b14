package palimpsest

// imports says which of our own packages each package may import. The leaves render, engine, task and
// store never import one another; ingest joins them; cmd/palimpsest is the only place that knows all.
var imports = map[string][]string{
	"api": {},

	"render":                   {"render/internal/layout", "render/internal/resample"},
	"render/internal/layout":   {},
	"render/internal/resample": {},

	"migrations":          {},
	"store/internal/db":   {},
	"store":               {"migrations", "store/internal/db"},
	"store/blob":          {},
	"store/blob/blobtest": {"store/blob"},
	"internal/localpg":    {},
	"internal/locals3":    {"store/blob"},
	"internal/pgtest":     {"internal/localpg", "migrations"},

	"task":                   {"task/internal/taskpb"},
	"task/internal/taskpb":   {},
	"task/loc":               {"task"},
	"task/host":              {"task"},
	"task/tasktest":          {"task", "task/host"},
	"plugins/ocr":            {"task", "task/loc", "plugins/ocr/alto", "plugins/ocr/hocr", "plugins/ocr/layout", "plugins/ocr/markdown", "plugins/ocr/seams", "plugins/ocr/tabular", "plugins/ocr/textlayer", "plugins/ocr/tiles", "plugins/ocr/transcript"},
	"plugins/ocr/alto":       {"plugins/ocr/transcript", "task"},
	"plugins/ocr/markdown":   {"plugins/ocr/transcript"},
	"plugins/ocr/tabular":    {"plugins/ocr/transcript", "task"},
	"plugins/ocr/transcript": {"task"},
	"plugins/ocr/hocr":       {"task"},
	"plugins/ocr/layout":     {"task"},
	"plugins/ocr/seams":      {"task"},
	"plugins/ocr/textlayer":  {"task"},
	"plugins/ocr/tiles":      {"task"},

	"engine/mat":               {},
	"engine/pool":              {},
	"engine/tokenizer":         {},
	"engine/kernel":            {},
	"engine/kernel/kerneltest": {"engine/kernel"},
	"engine/weights":           {"engine/kernel"},
	"engine/siglip":            {"engine/kernel", "engine/mat", "engine/weights"},
	"engine/gemma":             {"engine/kernel", "engine/mat", "engine/weights"},
	"engine/batch":             {},
	"engine/enginetest":        {"engine/gemma", "engine/kernel", "engine/mat", "engine/pool", "engine/siglip", "engine/tokenizer", "engine/weights"},
	"engine":                   {"engine/batch", "engine/gemma", "engine/kernel", "engine/mat", "engine/pool", "engine/siglip", "engine/tokenizer", "engine/weights"},

	"ingest":           {"engine", "render", "store", "store/blob", "task"},
	"web":              {"api", "store", "store/blob"},
	"eval":             {},
	"samples/generate": {},
	"cmd/palimpsest":   {"api", "engine", "engine/kernel", "engine/weights", "eval", "ingest", "internal/localpg", "internal/locals3", "render", "store", "store/blob", "task", "task/host", "web"},
}
