/* SPDX-License-Identifier: MIT */
/* The model of the demo: ridge regression (alpha 0.40), fitted with scikit-learn on its diabetes
 * data set, as in the notebook "Train within notebook" of Azure Machine Learning. */
#pragma once

#define DIABETES_FEATURES 10

/* The prediction for one row of features. */
double diabetes_predict(const double row[DIABETES_FEATURES]);

/* The request of Microsoft's article on consuming web services: two rows, as JSON. */
extern const char diabetes_sample[];
