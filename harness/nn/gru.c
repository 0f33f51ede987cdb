/* A stack of GRU layers with a linear head: forward, and back-propagation through time.
 *
 * The equations are those of torch.nn.GRU.  With x and h a step's input and the state before it,
 *
 *     r = σ(W_r x + V_r h + b_r),  u = σ(W_u x + V_u h + b_u),  m = V_n h + c,
 *     n = tanh(W_n x + b_n + r m),  h' = n + u (h − n),
 *
 * the top layer's states go through y = W h' + b at each step, and this, if it is asked for, through σ.
 *
 * The batch is cut into blocks of LANES sequences.  Within a block everything is laid out
 * [step][channel][lane], so that every operation works on whole vectors of sequences and a weight is
 * a scalar times such a vector; a block needs nothing of any other, so one thread takes it through all
 * layers and steps without waiting for anybody.  Time is cut into chunks of CHUNK steps, which a layer
 * works through before the next layer does: its weights and the chunk's gates stay in the cache.
 *
 * A step's four gates stand in the order n, r, u, m: input weights W feed the first three rows of
 * them, state weights V the last three.
 *
 * Forward keeps every layer's states for backward and nothing else.  Backward computes the gates again,
 * chunk by chunk: kept, they would take four times the states' room and come back from beyond the cache,
 * which takes longer.
 *
 * Gradients of the weights are summed in each block over steps and lanes, then over blocks in their
 * order: the number of threads changes no bit of any result.
 */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#ifdef DOUBLE /* for tests of the gradients by finite differences */
typedef double real;
typedef int64_t whole;
#else
typedef float real;
typedef int32_t whole;
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#define REGISTERS 32
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#define REGISTERS 16
#elif defined(__aarch64__)
#define VECTOR_BYTES 16
#define REGISTERS 32
#else
#define VECTOR_BYTES 16
#define REGISTERS 16
#endif

typedef real vector __attribute__((vector_size(VECTOR_BYTES), may_alias));
typedef real unaligned __attribute__((vector_size(VECTOR_BYTES), may_alias, aligned(sizeof(real))));
typedef whole mask __attribute__((vector_size(VECTOR_BYTES)));

enum {
    WIDTH = VECTOR_BYTES / sizeof(real),
    VECTORS = 2,
    LANES = VECTORS * WIDTH,
    UNITS = REGISTERS / 8,         /* hidden units whose gates are computed together */
    ROWS = 3 * UNITS,              /* so ROWS × VECTORS sums fill three quarters of the registers */
    TALL = 3,                      /* rows of a tile of weight gradients, and its columns */
    WIDE = REGISTERS / 4 < WIDTH ? REGISTERS / 4 : WIDTH,
    CHUNK = 16,                    /* steps; 8 and 32 are no faster */
};

#define INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("GCC unroll 16")

/* The cases 1, 2, … < limit ≤ 12 of a switch, each calling a macro with its number as a constant: loops up
 * to it are unrolled, and their sums stay in registers. */
#define BELOW(limit, macro)                                                                           \
    ONE(1, limit, macro) ONE(2, limit, macro) ONE(3, limit, macro) ONE(4, limit, macro)               \
    ONE(5, limit, macro) ONE(6, limit, macro) ONE(7, limit, macro) ONE(8, limit, macro)               \
    ONE(9, limit, macro) ONE(10, limit, macro) ONE(11, limit, macro)
#define ONE(n, limit, macro)                                                                          \
    case n < limit ? n : -n:                                                                          \
        if (n < limit) macro(n < limit ? n : 1);                                                      \
        break;

typedef struct {
    int64_t batch, time, inputs, hidden, outputs, layers, sigmoid;
} Shape;

/* ---- elementary functions ----------------------------------------------------------------------- */

INLINE vector select(mask where, vector yes, vector no) {
    return (vector)((where & (mask)yes) | (~where & (mask)no));
}

INLINE vector fill(real value) { return (vector){0} + value; }

/* exp(x) = scale (1 + fraction), scale = 2^n and |fraction| < 0.42.  x must lie within ±LIMIT.
 *
 * n is x / log 2 rounded, by adding 1.5 times the power of two above which a real has no fraction: the
 * sum's lowest bits are n, and shifted into the exponent's place they are 2^n but for the bias. */
#ifdef DOUBLE
#define LIMIT 700.0
#define PRECISION "d"
#define ROUNDER 0x1.8p52
#define EXPONENT 52
#define ONE_BITS 0x3ff0000000000000
#define LOG2_HIGH 0x1.62e42fefa0000p-1
#define LOG2_LOW 0x1.cf79abc9e3b3ap-40
static const real EXP[] = {  /* 1/2!, 1/3!, … */
    1.0 / 2, 1.0 / 6, 1.0 / 24, 1.0 / 120, 1.0 / 720, 1.0 / 5040, 1.0 / 40320, 1.0 / 362880,
    1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
};
#else
#define LIMIT 87.0f
#define PRECISION "s"
#define ROUNDER 0x1.8p23f
#define EXPONENT 23
#define ONE_BITS 0x3f800000
#define LOG2_HIGH 0x1.62ep-1f
#define LOG2_LOW 0x1.0bfbe8p-15f
static const real EXP[] = {  /* minimax on |x| < log 2 / 2 (Cephes, expf) */
    5.0000001201e-1f, 1.6666665459e-1f, 4.1665795894e-2f, 8.3334519073e-3f, 1.3981999507e-3f,
    1.9875691500e-4f,
};
#endif

INLINE void exponential(vector x, vector *scale, vector *fraction) {
    vector shifted = x * (real)1.44269504088896340736 + ROUNDER;
    vector n = shifted - ROUNDER;
    vector f = x - n * LOG2_HIGH;
    f = f - n * LOG2_LOW;
    enum { TERMS = sizeof EXP / sizeof *EXP };
    vector series = fill(EXP[TERMS - 1]);
    UNROLL for (int i = TERMS - 2; i >= 0; --i) series = series * f + EXP[i];
    *fraction = series * (f * f) + f;
    *scale = (vector)(((mask)shifted << EXPONENT) + ONE_BITS);
}

/* x within ±limit; NaN stays.  Of the comparisons compilers make two instructions each, which takes a
 * twentieth of a forward pass more than x86's own. */
INLINE vector clamp(vector x, real limit) {
    vector top = fill(limit), bottom = fill(-limit);
#ifdef __AVX__
    __asm__("vminp" PRECISION " %1, %2, %0" : "=v"(x) : "v"(x), "v"(top));
    __asm__("vmaxp" PRECISION " %1, %2, %0" : "=v"(x) : "v"(x), "v"(bottom));
    return x;
#else
    x = select(x > top, top, x);
    return select(x < bottom, bottom, x);
#endif
}

/* σ(x) = 1 / (1 + exp(−x)) */
INLINE vector sigmoid(vector x) {
    vector scale, fraction;
    exponential(clamp(-x, LIMIT), &scale, &fraction);
    return 1 / (1 + (scale + scale * fraction));
}

/* tanh x = e / (e + 2), e = exp(2x) − 1: no digit is lost where x is small */
INLINE vector hyperbolic_tangent(vector x) {
    vector scale, fraction;
    exponential(clamp(x + x, LIMIT / 2), &scale, &fraction);
    vector e = scale * fraction + (scale - 1);
    return e / (e + 2);
}

/* ---- products ----------------------------------------------------------------------------------- */

INLINE vector load(const real *p) { return *(const vector *)p; }

INLINE void store(real *p, vector v) { *(vector *)p = v; }

/* In a register: some compilers would load it anew for each use, and loading is what takes the time. */
INLINE vector held(vector v) {
#if defined(__x86_64__)
    __asm__("" : "+v"(v));
#endif
    return v;
}

/* sum[row] += Σ_k weight[k][row] x[k], x [depth][lane] */
INLINE void multiply(vector sum[][VECTORS], int rows, const real *weight, const real *x,
                     int64_t depth) {
    for (int64_t k = 0; k < depth; ++k, weight += rows, x += LANES) {
        vector lanes[VECTORS];
        UNROLL for (int v = 0; v < VECTORS; ++v) lanes[v] = load(x + v * WIDTH);
        UNROLL for (int row = 0; row < rows; ++row)
            UNROLL for (int v = 0; v < VECTORS; ++v) sum[row][v] += weight[row] * lanes[v];
    }
}

INLINE void product_rows(int rows, int add, const real *panel, const real *x, int64_t depth, real *out) {
    vector sum[ROWS][VECTORS];
    UNROLL for (int row = 0; row < rows; ++row)
        UNROLL for (int v = 0; v < VECTORS; ++v)
            sum[row][v] = add ? load(out + row * LANES + v * WIDTH) : fill(0);
    multiply(sum, rows, panel, x, depth);
    UNROLL for (int row = 0; row < rows; ++row)
        UNROLL for (int v = 0; v < VECTORS; ++v) store(out + row * LANES + v * WIDTH, sum[row][v]);
}

/* out = A x, or out += A x, A packed by `pack`, x [depth][lane], out [rows][lane] */
INLINE void product(int add, const real *panels, int64_t rows, int64_t depth, const real *x, real *out) {
    for (; rows >= ROWS; rows -= ROWS, panels += ROWS * depth, out += ROWS * LANES)
        product_rows(ROWS, add, panels, x, depth, out);
#define LAST(n) product_rows(n, add, panels, x, depth, out)
    switch (rows) {
        BELOW(ROWS, LAST)
    }
#undef LAST
}

static void add_product(const real *panels, int64_t rows, int64_t depth, const real *x, real *out) {
    product(1, panels, rows, depth, x, out);
}

static void set_product(const real *panels, int64_t rows, int64_t depth, const real *x, real *out) {
    product(0, panels, rows, depth, x, out);
}

/* A (rows × depth), element (i, k) at a[i * row_stride + (k + turn) % depth * depth_stride], as panels of
 * ROWS rows, the last of fewer, each [depth][row]. */
static void pack(const real *a, int64_t row_stride, int64_t depth_stride, int64_t turn, int64_t rows,
                 int64_t depth, real *panels) {
    for (int64_t first = 0; first < rows; first += ROWS)
        for (int64_t k = 0; k < depth; ++k) {
            const real *column = a + (k + turn) % depth * depth_stride;
            for (int64_t i = first; i < rows && i < first + ROWS; ++i) *panels++ = column[i * row_stride];
        }
}

/* a and b interlaced: their lower halves, or their upper ones. */
INLINE vector interlace(vector a, vector b, int upper) {
#ifdef __clang__
    vector out;
    UNROLL for (int i = 0; i < WIDTH; ++i) out[i] = (i % 2 ? b : a)[i / 2 + upper * WIDTH / 2];
    return out;
#else
    mask from;
    UNROLL for (int i = 0; i < WIDTH; ++i) from[i] = i / 2 + upper * WIDTH / 2 + i % 2 * WIDTH;
    return __builtin_shuffle(a, b, from);
#endif
}

/* Partial sums of WIDE vectors' elements in one vector: element i has a part of vector i % WIDE. */
INLINE vector fold(vector v[WIDE]) {
    UNROLL for (int half = WIDE / 2; half > 0; half /= 2)
        UNROLL for (int i = 0; i < half; ++i)
            v[i] = interlace(v[i], v[i + half], 0) + interlace(v[i], v[i + half], 1);
    return v[0];
}

INLINE void add_outer_tile(int columns, const real *d, int64_t d_step, const real *x, int64_t x_step,
                           int64_t steps, real *sums, int64_t sums_row) {
    vector sum[TALL][WIDE];
    UNROLL for (int row = 0; row < TALL; ++row)
        UNROLL for (int k = 0; k < WIDE; ++k) sum[row][k] = fill(0);
    for (int64_t t = 0; t < steps; ++t, d += d_step, x += x_step)
        for (int v = 0; v < VECTORS; ++v) {
            vector lanes[TALL];
            UNROLL for (int row = 0; row < TALL; ++row) lanes[row] = load(d + row * LANES + v * WIDTH);
            UNROLL for (int k = 0; k < columns; ++k) {
                vector column = held(load(x + k * LANES + v * WIDTH));
                UNROLL for (int row = 0; row < TALL; ++row) sum[row][k] += lanes[row] * column;
            }
        }
    UNROLL for (int row = 0; row < TALL; ++row, sums += sums_row)
        store(sums, load(sums) + fold(sum[row]));
}

/* Vectors that hold the sums of `add_outer`: for each WIDE columns of a row one, as `fold` leaves it. */
static int64_t outer_size(int64_t rows, int64_t columns) {
    return (rows + TALL - 1) / TALL * TALL * ((columns + WIDE - 1) / WIDE);
}

/* sums += Σ_t d_t x_tᵀ, d_t [rows][lane], x_t [columns][lane]; d_step and x_step are the distances between
 * steps.  Rows are filled up to a multiple of TALL with whatever follows. */
static void add_outer(const real *d, int64_t d_step, int64_t rows, const real *x, int64_t x_step,
                      int64_t columns, int64_t steps, real *sums) {
    int64_t sums_row = outer_size(TALL, columns) / TALL * WIDTH;
    for (int64_t k = 0; k < columns; k += WIDE)  /* these columns stay in the first cache */
        for (int64_t row = 0; row < rows; row += TALL) {
            const real *from = d + row * LANES, *by = x + k * LANES;
            real *tile = sums + row * sums_row + k / WIDE * WIDTH;
#define TILE(n) add_outer_tile(n, from, d_step, by, x_step, steps, tile, sums_row)
            switch (columns - k) {
                BELOW(WIDE, TILE)
                default: TILE(WIDE);
            }
#undef TILE
        }
}

INLINE real total(const real *lanes) {
    real sum = 0;
    for (int i = 0; i < WIDTH; ++i) sum += lanes[i];
    return sum;
}

/* The sums of `add_outer`; row i is written to out[(i + turn) % rows]. */
static void total_outer(const real *sums, int64_t turn, int64_t rows, int64_t columns, real *out) {
    int64_t sums_row = outer_size(TALL, columns) / TALL * WIDTH;
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t k = 0; k < columns; ++k) {
            const real *parts = sums + row * sums_row + k / WIDE * WIDTH;
            real sum = 0;
            for (int i = k % WIDE; i < WIDTH; i += WIDE) sum += parts[i];
            out[(row + turn) % rows * columns + k] = sum;
        }
}

/* sums[row] += Σ_t d_t[row], the lanes still apart. */
static void add_sum(const real *d, int64_t d_step, int64_t rows, int64_t steps, real *sums) {
    for (int64_t row = 0; row < rows; ++row, d += LANES, sums += WIDTH) {
        vector sum = load(sums);
        for (int64_t t = 0; t < steps; ++t)
            for (int v = 0; v < VECTORS; ++v) sum += load(d + t * d_step + v * WIDTH);
        store(sums, sum);
    }
}

/* ---- between the caller's layout and the blocks' ------------------------------------------------ */

/* Rows to columns of a square: interlacing the halves log2 WIDTH times. */
INLINE void transpose(vector v[WIDTH]) {
    UNROLL for (int stage = 1; stage < WIDTH; stage *= 2) {
        vector out[WIDTH];
        UNROLL for (int i = 0; i < WIDTH; ++i)
            out[i] = interlace(v[i / 2], v[i / 2 + WIDTH / 2], i % 2);
        UNROLL for (int i = 0; i < WIDTH; ++i) v[i] = out[i];
    }
}

/* Columns of a row-major matrix, a sequence a row, to [column][lane]; lanes beyond the batch are 0. */
static void gather(const real *rows, int64_t stride, int64_t lanes, int64_t columns, real *out) {
    for (int64_t lane = 0; lane < LANES; lane += WIDTH)
        for (int64_t column = 0; column < columns; column += WIDTH) {
            int64_t high = lanes - lane, wide = columns - column;
            const real *from = rows + lane * stride + column;
            vector square[WIDTH];
            if (high >= WIDTH && wide >= WIDTH) {
                for (int i = 0; i < WIDTH; ++i) square[i] = *(const unaligned *)(from + i * stride);
            } else {
                memset(square, 0, sizeof square);
                for (int64_t i = 0; i < high && i < WIDTH; ++i)
                    for (int64_t k = 0; k < wide && k < WIDTH; ++k)
                        ((real *)square)[i * WIDTH + k] = from[i * stride + k];
            }
            transpose(square);
            for (int64_t k = 0; k < wide && k < WIDTH; ++k)
                store(out + (column + k) * LANES + lane, square[k]);
        }
}

/* The way back: [column][lane] to rows; lanes beyond the batch are left out. */
static void scatter(const real *in, int64_t stride, int64_t lanes, int64_t columns, real *rows) {
    for (int64_t lane = 0; lane < lanes; lane += WIDTH)
        for (int64_t column = 0; column < columns; column += WIDTH) {
            int64_t high = lanes - lane, wide = columns - column;
            real *to = rows + lane * stride + column;
            vector square[WIDTH];
            for (int64_t k = 0; k < WIDTH; ++k)
                square[k] = k < wide ? load(in + (column + k) * LANES + lane) : fill(0);
            transpose(square);
            for (int64_t i = 0; i < high && i < WIDTH; ++i) {
                if (wide >= WIDTH)
                    *(unaligned *)(to + i * stride) = square[i];
                else
                    memcpy(to + i * stride, &square[i], wide * sizeof(real));
            }
        }
}

/* ---- memory ------------------------------------------------------------------------------------- */

/* A piece of `count` reals from memory that the caller has allocated; with no memory, only counts. */
static real *take(real *memory, int64_t *used, int64_t count) {
    real *piece = memory ? memory + *used : NULL;
    *used += (count + LANES - 1) / LANES * LANES;
    return piece;
}

static int64_t blocks_of(const Shape *s) { return (s->batch + LANES - 1) / LANES; }

static int64_t inputs_of(const Shape *s, int64_t layer) { return layer ? s->hidden : s->inputs; }

/* Reals of all weights up to a layer, in the order of torch.nn.GRU's `all_weights`, then the head's. */
static int64_t weights_before(const Shape *s, int64_t layer) {
    int64_t count = 0;
    for (int64_t l = 0; l < layer; ++l) count += 3 * s->hidden * (inputs_of(s, l) + s->hidden + 2);
    return count;
}

static int64_t weights_of(const Shape *s) {
    return weights_before(s, s->layers) + s->outputs * (s->hidden + 1);
}

/* Reals of the states of a layer in a block, with a zero state before them. */
static int64_t states_of(const Shape *s) { return (s->time + 1) * s->hidden * LANES; }

/* ---- weights, as the products want them --------------------------------------------------------- */

typedef struct {
    real *input, *state, *bias;  /* W, V and biases of one group of UNITS after the other */
    real *input_transposed, *state_transposed;
} Layer;

/* For each group of units: input weights [k][n r u][unit], state weights [k][r u m][unit], and biases
 * [n r u m][unit], where r and u have both of theirs in one. */
static void pack_layer(const real *const w[4], int64_t inputs, int64_t hidden, const Layer *layer) {
    real *input = layer->input, *state = layer->state, *bias = layer->bias;
    for (int64_t first = 0; first < hidden; first += UNITS) {
        int64_t end = first + UNITS < hidden ? first + UNITS : hidden;
        for (int64_t k = 0; k < inputs; ++k)
            for (int64_t row = 2 * hidden; row < 5 * hidden; row += hidden)
                for (int64_t j = first; j < end; ++j)
                    *input++ = w[0][(row % (3 * hidden) + j) * inputs + k];
        for (int64_t k = 0; k < hidden; ++k)
            for (int64_t row = 0; row < 3 * hidden; row += hidden)
                for (int64_t j = first; j < end; ++j) *state++ = w[1][(row + j) * hidden + k];
        for (int64_t j = first; j < end; ++j) *bias++ = w[2][2 * hidden + j];
        for (int64_t row = 0; row < 2 * hidden; row += hidden)
            for (int64_t j = first; j < end; ++j) *bias++ = w[2][row + j] + w[3][row + j];
        for (int64_t j = first; j < end; ++j) *bias++ = w[3][2 * hidden + j];
    }
}

/* Room for a layer's weights; they are packed if `w` is given. */
static Layer lay_out_layer(const Shape *s, int64_t l, const real *const *w, int backward, real *memory,
                           int64_t *used) {
    int64_t inputs = inputs_of(s, l), hidden = s->hidden;
    Layer layer = {
        .input = take(memory, used, 3 * hidden * inputs),
        .state = take(memory, used, 3 * hidden * hidden),
        .bias = take(memory, used, 4 * hidden),
    };
    if (w) pack_layer(w, inputs, hidden, &layer);
    if (backward) {
        layer.input_transposed = take(memory, used, 3 * hidden * inputs);
        layer.state_transposed = take(memory, used, 3 * hidden * hidden);
        if (w) {
            pack(w[0], 1, inputs, 2 * hidden, inputs, 3 * hidden, layer.input_transposed);
            pack(w[1], 1, hidden, 0, hidden, 3 * hidden, layer.state_transposed);
        }
    }
    return layer;
}

/* ---- one step of one layer ---------------------------------------------------------------------- */

/* The gates and new states of `units` units; pointers are to the group's first unit, but x and before are
 * whole; gates [n r u m][hidden][lane]. */
INLINE void step_units(int units, const real *input, const real *state, const real *bias,
                       int64_t inputs, int64_t hidden, const real *x, const real *before,
                       const real *before_group, real *after, real *gates) {
    vector sum[4 * UNITS][VECTORS];
    UNROLL for (int row = 0; row < 4 * units; ++row)
        UNROLL for (int v = 0; v < VECTORS; ++v) sum[row][v] = fill(bias[row]);
    multiply(sum, 3 * units, input, x, inputs);
    multiply(sum + units, 3 * units, state, before, hidden);
    int64_t gate = hidden * LANES;
    /* in two passes, for what waits for nothing to stand close together: the processor overlaps it */
    UNROLL for (int j = 0; j < units; ++j)
        UNROLL for (int v = 0; v < VECTORS; ++v) {
            int64_t at = j * LANES + v * WIDTH;
            vector m = sum[3 * units + j][v], r = sigmoid(sum[units + j][v]);
            store(gates + gate + at, r);
            store(gates + 3 * gate + at, m);
            sum[j][v] += r * m;
            store(gates + 2 * gate + at, sigmoid(sum[2 * units + j][v]));
        }
    UNROLL for (int j = 0; j < units; ++j)
        UNROLL for (int v = 0; v < VECTORS; ++v) {
            int64_t at = j * LANES + v * WIDTH;
            vector n = hyperbolic_tangent(sum[j][v]), u = load(gates + 2 * gate + at);
            store(gates + at, n);
            store(after + at, n + u * (load(before_group + at) - n));
        }
}

static void step(const Layer *layer, int64_t inputs, int64_t hidden, const real *x, const real *before,
                 real *after, real *gates) {
    for (int64_t first = 0; first < hidden; first += UNITS) {
        const real *input = layer->input + 3 * first * inputs, *state = layer->state + 3 * first * hidden;
        const real *bias = layer->bias + 4 * first;
        int64_t at = first * LANES;
#define GROUP(n)                                                                                      \
    step_units(n, input, state, bias, inputs, hidden, x, before, before + at, after + at, gates + at)
        switch (hidden - first) {
            BELOW(UNITS, GROUP)
            default: GROUP(UNITS);
        }
#undef GROUP
    }
}

/* Puts the gradients of the gates' pre-activations in the place of the gates.  The gradient of the step's
 * state is above + carry; leaves in `carry` what of it reaches the state before but through V. */
static void step_back(int64_t hidden, const real *before, const real *above, real *carry, real *gates) {
    int64_t gate = hidden * LANES;
    for (int64_t at = 0; at < gate; at += WIDTH) {
        vector n = load(gates + at), r = load(gates + gate + at);
        vector u = load(gates + 2 * gate + at), m = load(gates + 3 * gate + at);
        vector dh = load(carry + at) + load(above + at);
        vector rest = dh - dh * u;
        vector dn = rest - rest * n * n;
        vector dm = dn * r;
        store(gates + at, dn);
        store(gates + gate + at, dm * m - dm * m * r);
        store(gates + 2 * gate + at, rest * u * (load(before + at) - n));
        store(gates + 3 * gate + at, dm);
        store(carry + at, dh * u);
    }
}

/* ---- a block ------------------------------------------------------------------------------------ */

typedef struct {
    Shape shape;
    Layer *layers;
    const real *head, *head_bias;  /* packed; for backward transposed */
    const real *x;      /* [batch][time][inputs] */
    real *y;            /* [batch][time][outputs]; for backward needed under σ only */
    real *states;       /* kept: [block][layer][1 + time][hidden][lane], or NULL */
    const real *dy;     /* like y */
    real *dx;           /* like x, or NULL */
    real *partial;      /* [block][weight], or NULL */
} Job;

typedef struct {
    real *input, *output, *states, *gates, *derivative;
    real *above, *below, *carry, *spare;
    real *sums;
} Worker;

/* Reals for the sums of weight gradients up to a layer; layer number `layers` is the head. */
static int64_t sums_before(const Shape *s, int64_t layer) {
    int64_t vectors = 0;
    for (int64_t l = 0; l < layer && l < s->layers; ++l)
        vectors += outer_size(3 * s->hidden, inputs_of(s, l)) + outer_size(3 * s->hidden, s->hidden) +
                   4 * s->hidden;
    if (layer > s->layers) vectors += outer_size(s->outputs, s->hidden) + s->outputs;
    return vectors * WIDTH;
}

static Worker lay_out_worker(const Shape *s, int backward, real *memory, int64_t *used) {
    int64_t slab = s->hidden * LANES;
    Worker work = {
        .input = take(memory, used, CHUNK * s->inputs * LANES),
        .output = take(memory, used, (CHUNK * s->outputs + TALL) * LANES),
        .gates = take(memory, used, CHUNK * 4 * slab),
    };
    if (!backward) {
        work.states = take(memory, used, s->layers * (CHUNK + 1) * slab);
        return work;
    }
    int64_t widest = s->hidden > s->inputs ? s->hidden : s->inputs;
    work.above = take(memory, used, CHUNK * widest * LANES);
    work.below = take(memory, used, CHUNK * widest * LANES);
    work.carry = take(memory, used, s->layers * slab);
    work.spare = take(memory, used, slab);
    if (s->sigmoid) work.derivative = take(memory, used, CHUNK * s->outputs * LANES);
    work.sums = take(memory, used, sums_before(s, s->layers + 1));
    return work;
}

static int64_t lanes_of(const Shape *s, int64_t block) {
    int64_t rest = s->batch - block * LANES;
    return rest < LANES ? rest : LANES;
}

static void forward_block(const Job *job, Worker work, int64_t block) {
    const Shape *s = &job->shape;
    int64_t slab = s->hidden * LANES, lanes = lanes_of(s, block), at = block * LANES * s->time;
    for (int64_t start = 0; start < s->time; start += CHUNK) {
        int64_t steps = s->time - start < CHUNK ? s->time - start : CHUNK;
        gather(job->x + (at + start) * s->inputs, s->time * s->inputs, lanes, steps * s->inputs,
               work.input);
        const real *x = work.input;
        for (int64_t l = 0; l < s->layers; ++l) {
            int64_t inputs = inputs_of(s, l);
            real *states = work.states + l * (CHUNK + 1) * slab;
            if (job->states)
                states = job->states + (block * s->layers + l) * states_of(s) + start * slab;
            else if (start)
                memcpy(states, states + CHUNK * slab, slab * sizeof(real));
            if (!start) memset(states, 0, slab * sizeof(real));
            for (int64_t t = 0; t < steps; ++t)
                step(job->layers + l, inputs, s->hidden, x + t * inputs * LANES, states + t * slab,
                     states + (t + 1) * slab, work.gates);
            x = states + slab;
        }
        for (int64_t t = 0; t < steps; ++t) {
            real *y = work.output + t * s->outputs * LANES;
            for (int64_t i = 0; i < s->outputs; ++i)
                for (int v = 0; v < VECTORS; ++v) store(y + i * LANES + v * WIDTH, fill(job->head_bias[i]));
            add_product(job->head, s->outputs, s->hidden, x + t * slab, y);
        }
        if (s->sigmoid)
            for (int64_t i = 0; i < steps * s->outputs * LANES; i += WIDTH)
                store(work.output + i, sigmoid(load(work.output + i)));
        scatter(work.output, s->time * s->outputs, lanes, steps * s->outputs,
                job->y + (at + start) * s->outputs);
    }
}

/* Where a worker has the sums of a layer's weight gradients, or (number `layers`) of the head's. */
typedef struct {
    real *input, *state, *bias;
} Sums;

static Sums sums_of(const Shape *s, const Worker *work, int64_t layer) {
    int64_t hidden = s->hidden;
    real *input = work->sums + sums_before(s, layer);
    if (layer == s->layers) return (Sums){input, NULL, input + outer_size(s->outputs, hidden) * WIDTH};
    real *state = input + outer_size(3 * hidden, inputs_of(s, layer)) * WIDTH;
    return (Sums){input, state, state + outer_size(3 * hidden, hidden) * WIDTH};
}

static void write_partial(const Job *job, const Worker *work, int64_t block) {
    const Shape *s = &job->shape;
    int64_t hidden = s->hidden;
    real *out = job->partial + block * weights_of(s);
    for (int64_t l = 0; l < s->layers; ++l) {
        Sums sums = sums_of(s, work, l);
        total_outer(sums.input, 2 * hidden, 3 * hidden, inputs_of(s, l), out);
        out += 3 * hidden * inputs_of(s, l);
        total_outer(sums.state, 0, 3 * hidden, hidden, out);
        out += 3 * hidden * hidden;
        for (int64_t i = 0; i < 4 * hidden; ++i) {  /* n r u m to r u n, r u m */
            real bias = total(sums.bias + i * WIDTH);
            if (i < 3 * hidden) out[(i + 2 * hidden) % (3 * hidden)] = bias;
            if (i >= hidden) out[2 * hidden + i] = bias;
        }
        out += 6 * hidden;
    }
    Sums sums = sums_of(s, work, s->layers);
    total_outer(sums.input, 0, s->outputs, hidden, out);
    for (int64_t i = 0; i < s->outputs; ++i)
        out[s->outputs * hidden + i] = total(sums.bias + i * WIDTH);
}

static void backward_block(const Job *job, Worker work, int64_t block) {
    const Shape *s = &job->shape;
    int64_t slab = s->hidden * LANES, lanes = lanes_of(s, block), at = block * LANES * s->time;
    memset(work.carry, 0, s->layers * slab * sizeof(real));
    if (job->partial) memset(work.sums, 0, sums_before(s, s->layers + 1) * sizeof(real));
    for (int64_t start = (s->time - 1) / CHUNK * CHUNK; start >= 0; start -= CHUNK) {
        int64_t steps = s->time - start < CHUNK ? s->time - start : CHUNK;
        gather(job->x + (at + start) * s->inputs, s->time * s->inputs, lanes, steps * s->inputs,
               work.input);
        gather(job->dy + (at + start) * s->outputs, s->time * s->outputs, lanes, steps * s->outputs,
               work.output);
        if (s->sigmoid) {
            gather(job->y + (at + start) * s->outputs, s->time * s->outputs, lanes, steps * s->outputs,
                   work.derivative);
            for (int64_t i = 0; i < steps * s->outputs * LANES; i += WIDTH) {
                vector y = load(work.derivative + i);
                store(work.output + i, load(work.output + i) * (y - y * y));
            }
        }
        real *above = work.above, *below = work.below;
        int64_t outputs = s->outputs * LANES;
        for (int64_t t = 0; t < steps; ++t)
            set_product(job->head, s->hidden, s->outputs, work.output + t * outputs, above + t * slab);
        real *states = job->states + ((block + 1) * s->layers - 1) * states_of(s) + start * slab;
        if (job->partial) {
            Sums sums = sums_of(s, &work, s->layers);
            add_outer(work.output, outputs, s->outputs, states + slab, slab, s->hidden, steps, sums.input);
            add_sum(work.output, outputs, s->outputs, steps, sums.bias);
        }
        for (int64_t l = s->layers - 1; l >= 0; --l) {
            const Layer *layer = job->layers + l;
            int64_t inputs = inputs_of(s, l);
            const real *x = l ? states - states_of(s) + slab : work.input;
            real *delta = work.gates, *carry = work.carry + l * slab;
            for (int64_t t = 0; t < steps; ++t)
                step(layer, inputs, s->hidden, x + t * inputs * LANES, states + t * slab, work.spare,
                     delta + t * 4 * slab);
            for (int64_t t = steps - 1; t >= 0; --t) {
                real *d = delta + t * 4 * slab;
                step_back(s->hidden, states + t * slab, above + t * slab, carry, d);
                add_product(layer->state_transposed, s->hidden, 3 * s->hidden, d + slab, carry);
            }
            if (job->partial) {
                Sums sums = sums_of(s, &work, l);
                add_outer(delta, 4 * slab, 3 * s->hidden, x, inputs * LANES, inputs, steps, sums.input);
                add_outer(delta + slab, 4 * slab, 3 * s->hidden, states, slab, s->hidden, steps, sums.state);
                add_sum(delta, 4 * slab, 4 * s->hidden, steps, sums.bias);
            }
            if (l || job->dx)
                for (int64_t t = 0; t < steps; ++t)
                    set_product(layer->input_transposed, inputs, 3 * s->hidden, delta + t * 4 * slab,
                                below + t * inputs * LANES);
            real *swap = above;
            above = below;
            below = swap;
            states -= states_of(s);
        }
        if (job->dx)
            scatter(above, s->time * s->inputs, lanes, steps * s->inputs,
                    job->dx + (at + start) * s->inputs);
    }
    if (job->partial) write_partial(job, &work, block);
}

/* ---- all blocks --------------------------------------------------------------------------------- */

/* Where a state decays to nothing, or a gradient does on its way back, its last values are subnormal,
 * and arithmetic on them takes a hundred times as long: here they count as 0. */
static unsigned long long flush_subnormals(void) {
#if defined(__x86_64__)
    unsigned before = __builtin_ia32_stmxcsr();
    __builtin_ia32_ldmxcsr(before | 0x8040); /* flush to zero, denormals are zero */
    return before;
#elif defined(__aarch64__)
    unsigned long long before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | 1 << 24));
    return before;
#else
    return 0;
#endif
}

static void restore_subnormals(unsigned long long before) {
#if defined(__x86_64__)
    __builtin_ia32_ldmxcsr((unsigned)before);
#elif defined(__aarch64__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}

/* What all blocks share, laid out in the caller's scratch memory: the packed weights (if given) and, for
 * backward, each block's weight gradients; then a Worker for each thread. */
static Job lay_out(const Shape *s, int backward, const real *const *weights, real *memory,
                   int64_t *used) {
    int64_t hidden = s->hidden, head = s->outputs * hidden;
    int64_t layers_size = s->layers * (int64_t)sizeof(Layer) / (int64_t)sizeof(real) + 1;
    Layer *layers = (Layer *)take(memory, used, layers_size);
    for (int64_t l = 0; l < s->layers; ++l) {
        Layer layer = lay_out_layer(s, l, weights ? weights + 4 * l : NULL, backward, memory, used);
        if (layers) layers[l] = layer;
    }
    real *packed = take(memory, used, head);
    Job job = {.shape = *s, .layers = layers, .head = packed};
    if (weights) {
        const real *w = weights[4 * s->layers];
        job.head_bias = weights[4 * s->layers + 1];
        if (backward)
            pack(w, 1, hidden, 0, hidden, s->outputs, packed);
        else
            pack(w, hidden, 1, 0, s->outputs, hidden, packed);
    }
    if (backward) job.partial = take(memory, used, blocks_of(s) * weights_of(s));
    return job;
}

static void run(const Job *job, int backward, int threads, real *workers) {
    int64_t size = 0, blocks = blocks_of(&job->shape);
    lay_out_worker(&job->shape, backward, NULL, &size);
    (void)threads;
#pragma omp parallel num_threads(threads)
    {
        int64_t used = 0, thread = 0;
#ifdef _OPENMP
        thread = omp_get_thread_num();
#endif
        Worker work = lay_out_worker(&job->shape, backward, workers + thread * size, &used);
        unsigned long long before = flush_subnormals();
#pragma omp for schedule(dynamic, 1)
        for (int64_t block = 0; block < blocks; ++block)
            if (backward)
                backward_block(job, work, block);
            else
                forward_block(job, work, block);
        restore_subnormals(before);
    }
}

/* ---- what is called from outside ---------------------------------------------------------------- *
 *
 * Arrays are row-major: x and dx [batch][time][inputs], y and dy [batch][time][outputs].  `weights` are
 * pointers in the order of torch.nn.GRU's `all_weights` (for each layer weight_ih, weight_hh, bias_ih,
 * bias_hh), then the head's weight and bias; `gradients` is one array of them all in that order.
 * Scratch and states are memory for as many reals as the functions below say, aligned to 64 bytes.
 * Nothing is allocated here, and nothing can fail. */

int gru_has_threads(void) {
#ifdef _OPENMP
    return 1;
#else
    return 0;
#endif
}

int gru_vector_bits(void) { return 8 * VECTOR_BYTES; }

int64_t gru_states_size(const Shape *s) { return blocks_of(s) * s->layers * states_of(s); }

int64_t gru_gradients_size(const Shape *s) { return weights_of(s); }

int64_t gru_scratch_size(const Shape *s, int backward, int threads) {
    int64_t shared = 0, worker = 0;
    lay_out(s, backward, NULL, NULL, &shared);
    lay_out_worker(s, backward, NULL, &worker);
    return shared + threads * worker;
}

/* y from x; `states` is filled for backward if it is not NULL. */
void gru_forward(const Shape *s, int threads, const real *const *weights, const real *x, real *y,
                 real *states, real *scratch) {
    int64_t used = 0;
    Job job = lay_out(s, 0, weights, scratch, &used);
    job.x = x;
    job.y = y;
    job.states = states;
    run(&job, 0, threads, scratch + used);
}

/* Gradients of x and of the weights from that of y, and from what forward left in y and states; dx and
 * gradients may be NULL. */
void gru_backward(const Shape *s, int threads, const real *const *weights, const real *x, real *y,
                  const real *dy, real *states, real *dx, real *gradients, real *scratch) {
    int64_t used = 0, count = weights_of(s);
    Job job = lay_out(s, 1, weights, scratch, &used);
    real *partial = job.partial;
    job.x = x;
    job.y = y;
    job.dy = dy;
    job.states = states;
    job.dx = dx;
    if (!gradients) job.partial = NULL;
    run(&job, 1, threads, scratch + used);
    if (!gradients) return;
    memcpy(gradients, partial, count * sizeof(real));
    for (int64_t block = 1; block < blocks_of(s); ++block)
        for (int64_t i = 0; i < count; ++i) gradients[i] += partial[block * count + i];
}
