package kernel

// Tile shows a micro-kernel to tests.
type Tile struct {
	Rows, Panels int
	F32          func(dst *float32, ldd int, a *float32, lda int, b *float32, ldb int, k int, add *float32, ldadd int)
	BF16         func(dst *float32, ldd int, a *float32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
	Pairs        func(dst *float32, ldd int, a *uint32, lda int, b *uint16, ldb int, k int, add *float32, ldadd int)
}

// Tiles are the micro-kernels in use.
func Tiles() []Tile {
	var all []Tile
	for _, t := range active.tiles {
		all = append(all, Tile{t.rows, t.panels, t.f32, t.bf16, t.pairs})
	}
	return all
}

// Sizes that tests aim at.
const (
	PanelWidth = panelWidth
	BlockK     = blockK
	BlockRows  = blockRows
	KeyTile    = keyTile
	QueryTile  = queryTile
)

// Widen turns bfloat16 into float32 with the implementation in use.
func Widen(dst []float32, src []uint16) { active.widen(dst, src) }

// RoundPairs rounds inputs with the implementation in use.
func RoundPairs(dst []uint32, x []float32) { active.roundPairs(dst, x) }

// CeilingLoops are the loops of MeasureCeilings by name, with the units of work in one turn.
func CeilingLoops() map[string]func(n int) float64 {
	all := map[string]func(n int) float64{}
	if l := active.ceilings; l != nil {
		for name, one := range map[string]struct {
			run func(int)
			ops float64
		}{"float32": {l.float, l.floatOps}, "bf16": {l.half, l.halfOps}, "int8": {l.int8, l.int8Ops}, "int4": {l.int4, l.int4Ops}} {
			if one.run == nil {
				continue
			}
			all[name] = func(n int) float64 { one.run(n); return 12 * one.ops * float64(n) }
		}
	}
	return all
}

// ReadStreams reads eight streams.
func ReadStreams(x []byte, stride, n int) { active.readStreams(x, stride, n) }
