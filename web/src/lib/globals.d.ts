declare const FONTS_CSS: string;
declare module "*.css";
