/* SPDX-License-Identifier: MIT */
/* The coefficients of the demo's model, and the request that the article sends to it. */
#include "cli/diabetes.h"

static const double intercept = 152.11785637184062;
static const double coefficients[DIABETES_FEATURES] = {
    3.669363710087738,   -137.03752719655984, 414.255726910668,    231.21825209896352,
    -27.593345299056704, -81.33598970871498,  -190.80118732157106, 125.48639029617578,
    350.55523330961796,  96.85307117249377,
};

double diabetes_predict(const double row[DIABETES_FEATURES]) {
    double prediction = intercept;
    for (int i = 0; i < DIABETES_FEATURES; i++)
        prediction += coefficients[i] * row[i];
    return prediction;
}

const char diabetes_sample[] =
    "{\"data\": [[0.0199132141783263, 0.0506801187398187, 0.104808689473925, "
    "0.0700725447072635, -0.0359677812752396, -0.0266789028311707, -0.0249926566315915, "
    "-0.00259226199818282, 0.00371173823343597, 0.0403433716478807], "
    "[-0.0127796318808497, -0.044641636506989, 0.0606183944448076, 0.0528581912385822, "
    "0.0479653430750293, 0.0293746718291555, -0.0176293810234174, 0.0343088588777263, "
    "0.0702112981933102, 0.00720651632920303]]}\n";
